"""Resource: one kind of thing of the API, declared once for all of its commands: path, id, columns and secret.

It asks the server and tells what came; a command that is peculiar to a kind has only its options to say. `show` and
`delete`, which have none, are made here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.table import Table

from services.cli.arguments import AsJson
from services.cli.output import print_json, print_members, tables
from services.cli.remote.client import Client, id_in_path
from services.cli.remote.edits import if_match, something
from services.cli.remote.outcome import Secret, tell_change

Document = dict[str, Any]
# Header → what stands under it.
Columns = Mapping[str, Callable[[Document], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """`what`: one of them, with its article. `secret`: what a change may show of one; None: none ever does."""

    what: str
    path: str
    columns: Columns
    secret: Callable[[Document], Secret | None] = lambda _: None

    def list(self, as_json: bool, **query: Any) -> None:
        found = Client().pages(self.path, **query)
        if as_json:
            print_json(found)
            return
        table = Table(*self.columns, box=None)
        for one in found:
            table.add_row(*(cell(one) for cell in self.columns.values()))
        tables().print(table)

    def create(self, body: Document, as_json: bool) -> None:
        self._tell(Client().post(self.path, body), "created", as_json)

    def edit(self, one: str, patch: Document, revision: int | None, as_json: bool, what: str = "changed") -> None:
        """Raises typer.BadParameter, if the patch changes nothing."""
        changed = Client().patch(f"{self.path}/{one}", something(patch), if_match(revision))
        self._tell(changed, what, as_json)

    def act(self, one: str, verb: str, body: Document, what: Callable[[Document], str], as_json: bool) -> None:
        """`what`: is said behind the id of what is answered."""
        acted = Client().post(f"{self.path}/{one}/{verb}", body)
        self._tell(acted, what(acted), as_json)

    def add_show(self, app: typer.Typer) -> None:
        def show(one: Annotated[str, self.id()], as_json: AsJson = False) -> None:
            shown = Client().get(f"{self.path}/{one}")
            print_json(shown) if as_json else print_members(shown)

        app.command("show", help=f"Show {self.what}.")(show)

    def add_delete(self, app: typer.Typer, consequence: str) -> None:
        def delete(one: Annotated[str, self.id()], as_json: AsJson = False) -> None:
            self._tell(Client().delete(f"{self.path}/{one}"), "deleted", as_json)

        app.command("delete", help=f"Delete {self.what}; {consequence}.")(delete)

    def id(self) -> Any:
        """The argument that names one."""
        return typer.Argument(metavar="ID", help=f"The id of {self.what}.", callback=id_in_path)

    def _tell(self, changed: Document, what: str, as_json: bool) -> None:
        tell_change(changed, what, as_json, self.secret(changed))
