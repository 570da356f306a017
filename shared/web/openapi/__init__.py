"""OpenAPI 3.1 document (/openapi.json): made from what the operations declare. Start with document.py."""
