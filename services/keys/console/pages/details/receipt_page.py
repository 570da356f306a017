"""Receipt of the last change of a key, as gates stand now: by gate, and with its proof to keep."""

import falcon

from services.keys.console.pages.page import Page


class ReceiptPage(Page):
    def on_get(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        visit = self.visit(req)
        key = self.parts.queries.get_key(visit.organisation_id, key_id)
        receipt = self.parts.commands.receipts.last(key_id)
        self.show_receipt(req, resp, visit, "keys/receipt.html", receipt, key=key)
