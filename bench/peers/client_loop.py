"""SendGrid's own client the way its README and countless scripts use it: csv.DictReader, a list, one PUT each."""

import csv
import sys
from pathlib import Path
from typing import Any

from sendgrid import SendGridAPIClient

LIST_ID = "11111111-2222-3333-4444-555555555555"


def main(path: Path, base_url: str, batch: int) -> None:
    client = SendGridAPIClient(api_key="SG.peer", host=base_url).client
    failed = 0

    def push(contacts: list[dict[str, Any]]) -> int:
        try:
            client.marketing.contacts.put(request_body={"list_ids": [LIST_ID], "contacts": contacts})
        except Exception as error:  # noqa: BLE001 - as the examples do
            print(error)
            return len(contacts)
        return 0

    contacts: list[dict[str, Any]] = []
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            contacts.append(
                {
                    "email": row["EMailAddress1"],
                    "first_name": row["FirstName"],
                    "last_name": row["LastName"],
                    "country": row["Country"],
                    "state_province_region": row["StateOrProvince"],
                    "city": row["City"],
                    "postal_code": row["PostalCode"],
                    "custom_fields": {
                        "e1_T": row["LoyaltyTier"],
                        "e2_N": float(row["LifetimeValue"]) if row["LifetimeValue"] else None,
                        "e3_D": row["LastPurchaseDate"],
                        "e4_T": row["PreferredStore"],
                    },
                }
            )
            if len(contacts) == batch:
                failed += push(contacts)
                contacts = []
    if contacts:
        failed += push(contacts)
    print("failed", failed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 30_000)  # noqa: PLR2004
