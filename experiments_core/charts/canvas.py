"""A sheet that counts pixels from the top; texts, rules and marks become one figure at once."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from experiments_core.charts.theme import SANS, SMALL_SIZE, VALUE_SIZE, Figure, Tokens

SHEET = "x99"
"""The axis that runs over the whole width, for texts that stand in no panel."""
CLEAR = "rgba(0,0,0,0)"
LOWER = 1.5
"""Pixels by which a browser sets the text of a trace higher than that of an annotation."""
SIDES = {"left": "middle right", "center": "middle center", "right": "middle left"}
"""Which edge of a text is at its point -> on which side of the point the text is."""


class Canvas:
    """Collects what is drawn; :meth:`figure` builds it in one go.

    Adding to a Plotly figure piece by piece copies and checks everything each time, which
    makes a scorecard ten times slower.

    Attributes:
        height: Pixels; y runs from 0 at the top to this.
        tokens: Colours.
    """

    def __init__(self, height: float, tokens: Tokens) -> None:
        self.height = height
        self.tokens = tokens
        self._texts: list[dict[str, Any]] = []
        self._shapes: list[dict[str, Any]] = []
        self._traces: list[dict[str, Any]] = []

    def text(
        self,
        x: float,
        y: float,
        markup: str,
        *,
        size: float = VALUE_SIZE,
        colour: str = "",
        align: str = "left",
        on_axis: bool = False,
        shift: float = 0,
        ground: str = "",
    ) -> None:
        """Write text whose middle line is at ``y``.

        Args:
            x: Fraction of the sheet's width, or a value with ``on_axis``.
            y: Pixels from the top.
            markup: Safe text; names from data have gone through ``theme.safe``.
            size: Pixels.
            colour: Ink if left out.
            align: Which edge of the text is at ``x``.
            on_axis: Whether ``x`` is a value on the panel's axis.
            shift: Pixels to the right.
            ground: Colour behind the text, to interrupt lines below it.
        """
        if not markup:
            return
        self._texts.append({
            "x": x, "y": y, "xref": "x" if on_axis else "paper", "yref": "y",
            "text": markup, "showarrow": False, "borderpad": 2 if ground else 0,
            "xanchor": align, "yanchor": "middle", "align": align, "xshift": shift,
            "font": {"size": size, "color": colour or self.tokens.text},
            **({"bgcolor": ground} if ground else {}),
        })  # fmt: skip

    def small(self, x: float, y: float, markup: str, **options: Any) -> None:
        """A second line: 12.5 px, muted."""
        look: dict[str, Any] = {"size": SMALL_SIZE, "colour": self.tokens.muted}
        self.text(x, y, markup, **look | options)

    def rule(
        self,
        y: float,
        *,
        colour: str = "",
        width: float = 1,
        left: float = 0,
        right: float = 1,
    ) -> None:
        """A horizontal rule over the sheet."""
        self._shapes.append({
            "type": "line", "xref": "paper", "yref": "y", "x0": left, "x1": right,
            "y0": y, "y1": y, "layer": "below",
            "line": {"width": width, "color": colour or self.tokens.line},
        })  # fmt: skip

    def upright(
        self, x: float, top: float, bottom: float, *, colour: str, width: float = 1,
        dash: str = "solid", below: bool = True,
    ) -> None:  # fmt: skip
        """A vertical line at a value of the panel's axis."""
        self._shapes.append({
            "type": "line", "xref": "x", "yref": "y", "x0": x, "x1": x, "y0": top, "y1": bottom,
            "layer": "below" if below else "between",
            "line": {"width": width, "color": colour, "dash": dash},
        })  # fmt: skip

    def box(
        self, x0: float, x1: float, top: float, bottom: float, *, fill: str,
        on_axis: bool = True, edge: str = "", dash: str = "solid",
    ) -> None:  # fmt: skip
        """A filled rectangle, below everything else."""
        self._shapes.append({
            "type": "rect", "xref": "x" if on_axis else "paper", "yref": "y",
            "x0": x0, "x1": x1, "y0": top, "y1": bottom, "layer": "below",
            "fillcolor": fill,
            "line": {"width": 1 if edge else 0, "color": edge or fill, "dash": dash},
        })  # fmt: skip

    def stroke(
        self,
        xs: list[float],
        ys: list[float],
        *,
        colour: str,
        width: float,
        dash: str = "solid",
    ) -> None:
        """A line through points of the panel."""
        self._traces.append({
            "type": "scatter", "x": xs, "y": ys, "mode": "lines", "cliponaxis": False,
            "line": {"color": colour, "width": width, "dash": dash},
        })  # fmt: skip

    def dot(self, x: float, y: float, **marker: Any) -> None:
        """A marker of the panel."""
        self._traces.append({
            "type": "scatter", "x": [x], "y": [y], "mode": "markers", "cliponaxis": False,
            "marker": marker,
        })  # fmt: skip

    def trace(self, **trace: Any) -> None:
        """Any other trace, as Plotly writes it."""
        self._traces.append(trace)

    def figure(
        self,
        *,
        domain: tuple[float, float] = (0, 1),
        span: tuple[float, float] = (0, 1),
        **layout: Any,
    ) -> Figure:
        """Build the figure.

        Args:
            domain: Where the panel stands, in fractions of the width.
            span: Values at the panel's left and right edge.
            layout: Further layout, such as the axes of sparklines.
        """
        notes, written = self._written()
        fixed = {"visible": False, "fixedrange": True, "zeroline": False, "showgrid": False}
        traces = [*self._traces, *written] or [{"type": "scatter", "x": [None], "y": [None]}]
        sheet = {
            f"xaxis{SHEET[1:]}": {**fixed, "domain": (0, 1), "range": (0, 1), "anchor": "y"}
        }
        # Checking every text and shape takes ten times as long as all else together; the
        # tests check each kind of figure instead.
        return go.Figure(
            {
                "data": traces,
                "layout": {
                    "template": {},
                    "height": self.height,
                    "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
                    "paper_bgcolor": self.tokens.background,
                    "plot_bgcolor": CLEAR,
                    "font": {"family": SANS, "size": VALUE_SIZE, "color": self.tokens.text},
                    "showlegend": False,
                    "hovermode": False,
                    "dragmode": False,
                    "modebar": {
                        "bgcolor": self.tokens.background,
                        "color": self.tokens.muted,
                        "activecolor": self.tokens.text,
                    },
                    "annotations": notes,
                    "shapes": self._shapes,
                    "xaxis": {**fixed, "domain": domain, "range": span},
                    "yaxis": {**fixed, "range": (self.height, 0)},
                    **(sheet if any("xaxis" in one for one in written) else {}),
                    **layout,
                },
            },
            _validate=False,
        )

    def _written(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The texts as annotations, and as traces where these can say the same.

        A browser draws each annotation by itself, and takes four times as long for it.
        """
        notes: list[dict[str, Any]] = []
        traces: dict[str, dict[str, Any]] = {}
        for text in self._texts:
            where = "x" if text["xref"] == "x" else SHEET
            if text["xshift"] or "bgcolor" in text or not (where == "x" or 0 <= text["x"] <= 1):
                notes.append(text)
                continue
            trace = traces.setdefault(where, {
                "type": "scatter", "mode": "text", "cliponaxis": False, "hoverinfo": "skip",
                "x": [], "y": [], "text": [], "textposition": [],
                "textfont": {"size": [], "color": []},
                **({} if where == "x" else {"xaxis": where}),
            })  # fmt: skip
            trace["x"].append(text["x"])
            trace["y"].append(text["y"] + LOWER)
            trace["text"].append(text["text"])
            trace["textposition"].append(SIDES[text["xanchor"]])
            trace["textfont"]["size"].append(text["font"]["size"])
            trace["textfont"]["color"].append(text["font"]["color"])
        return notes, list(traces.values())
