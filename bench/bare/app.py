"""The front door with one bare Starlette route beside the API: the peer of its reads."""

import json

import streamlit as st
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from experiments_core.api.app import lifespan, middleware, routes

BODY = json.dumps({"data": {"name": "x" * 2_000}}).encode()


async def bare(_request: Request) -> Response:
    """Answer bytes that are there already."""
    return Response(BODY, media_type="application/json")


if __name__ == "__main__":
    st.write("Only the API is measured here.")
else:
    app = st.App(
        __file__,
        routes=[Route("/bare", bare), *routes()],
        lifespan=lifespan,
        middleware=middleware(),
    )
