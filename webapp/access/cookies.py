"""Cookies of ours: their names, and what keeps them to this site."""

from datetime import timedelta

from flask import Flask, Response, current_app, request


def name(app: Flask, purpose: str = "") -> str:
    """`__Host-` binds a cookie to this host, https and the whole site; browsers take it over https only."""
    plain = f"winnow-{purpose}" if purpose else "winnow"
    return f"__Host-{plain}" if app.config["COOKIE_SECURE"] else plain


def read(purpose: str = "") -> str:
    """What this request carries; empty where it carries none."""
    return request.cookies.get(name(current_app, purpose), "")


def write(response: Response, value: str, life: timedelta, purpose: str = "") -> None:
    """Have the browser keep it, out of reach of scripts and of other sites' forms."""
    secure = current_app.config["COOKIE_SECURE"]
    response.set_cookie(
        name(current_app, purpose), value, max_age=life, secure=secure, httponly=True, samesite="Lax"
    )


def remove(response: Response, purpose: str = "") -> None:
    """Have the browser forget it."""
    secure = current_app.config["COOKIE_SECURE"]
    response.delete_cookie(name(current_app, purpose), secure=secure, httponly=True, samesite="Lax")
