"""Alipay's OpenAPI gateway (openapi.alipay.com/gateway.do) for one merchant with one application."""

from sandbox.alipay.app import create_app

__all__ = ["create_app"]
