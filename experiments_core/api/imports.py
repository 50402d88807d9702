"""Imports on behalf of the command line, while this process owns the workspace."""

from fastapi import APIRouter

router = APIRouter(prefix="/imports")
