"""What followers ask for, once a second each: the link of a lecture. It runs no script and computes nothing."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from toy.ui.lectures import LECTURES

FRESH = {"Cache-Control": "no-store"}


async def following(request: Request) -> Response:
    """The number and link of what a lecture shows; 204 where ``seen`` is that number, 404 where there is none."""
    shown = LECTURES.shown(request.query_params.get("lecture", ""))
    if shown is None:
        return JSONResponse({"words": "there is no such lecture"}, 404, FRESH)
    number, link = shown
    if request.query_params.get("seen") == str(number):
        return Response(status_code=204, headers=FRESH)
    return JSONResponse({"number": number, "link": link}, headers=FRESH)


ROUTES = [Route("/following", following)]
