"""All that is sealed, brought under the current keys, so that old ones can go."""

from collections.abc import Mapping

import typer

from bff import wiring
from bff.cli.acting import connected
from bff.settings import Settings
from models.booking.draws import reseal_all as draw_seeds
from models.feedback.steps import reseal_complaints
from models.keys import SealingKeys
from models.members.phones import reseal_all
from models.privacy import sealing as sealed_records
from models.real_names import binding as real_names
from models.settlement.accounts import reseal_all as reseal_accounts
from models.staff import second_factor

phones = typer.Typer(help="Phone numbers at rest.", no_args_is_help=True)
sealed = typer.Typer(help="Everything sealed, and the keys that seal it.", no_args_is_help=True)
complaints = typer.Typer(help="Complaints' texts at rest.", no_args_is_help=True)


@phones.command("reseal")
def reseal_phones() -> None:
    """Bring every phone number under the current keys, so that old ones can go. May be stopped and run again."""

    async def reseal(settings: Settings) -> int:
        return await reseal_all(keys=wiring.phone_keys(settings))

    print(f"{connected(reseal)} numbers moved")


@sealed.command("reseal")
def reseal_everything() -> None:
    """Bring all that is sealed under the current keys: phones, names, texts, second factors, records of the deleted,
    draws' seeds, venues' accounts.

    When it says 0 of each, the old keys can go. May be stopped and run again."""

    async def reseal(settings: Settings) -> Mapping[str, int]:
        texts = SealingKeys(settings.text_seal_keys)
        return {
            "numbers": await reseal_all(keys=wiring.phone_keys(settings)),
            "real names": await real_names.reseal_all(keys=wiring.id_keys(settings)),
            "second factors": await second_factor.reseal_all(keys=SealingKeys(settings.staff_seal_keys)),
            "texts": await reseal_complaints(keys=texts),
            "sealed records": await sealed_records.reseal_all(keys=texts),
            "draw seeds": await draw_seeds(keys=wiring.id_keys(settings).sealing),
            "venue accounts": await reseal_accounts(keys=SealingKeys(settings.account_seal_keys)),
        }

    for what, moved in connected(reseal).items():
        print(f"{moved} {what} moved")


@complaints.command("reseal")
def reseal_texts() -> None:
    """Bring every complaint's text under the current key, so that old ones can go. May be stopped and run again."""
    moved = connected(lambda settings: reseal_complaints(keys=SealingKeys(settings.text_seal_keys)))
    print(f"{moved} texts moved")
