"""The script that an analyst writes: pandas to read and to de-duplicate, requests to send."""

import sys
from pathlib import Path

import pandas as pd
import requests

ACCEPTED = 202
LIST_ID = "11111111-2222-3333-4444-555555555555"
COLUMNS = {
    "EMailAddress1": "email",
    "FirstName": "first_name",
    "LastName": "last_name",
    "Country": "country",
    "StateOrProvince": "state_province_region",
    "City": "city",
    "PostalCode": "postal_code",
    "LoyaltyTier": "e1_T",
    "LifetimeValue": "e2_N",
    "LastPurchaseDate": "e3_D",
    "PreferredStore": "e4_T",
}
CUSTOM = ["e1_T", "e2_N", "e3_D", "e4_T"]


def main(path: Path, base_url: str, batch: int) -> None:
    rows = pd.read_csv(path, dtype={"PostalCode": str}).rename(columns=COLUMNS)
    rows["email"] = rows["email"].str.strip().str.lower()
    rows = rows.drop_duplicates("email").dropna(subset=["email"])
    rows = rows.astype(object).where(rows.notna(), None)
    standard = [name for name in COLUMNS.values() if name not in CUSTOM]
    session = requests.Session()
    session.headers["Authorization"] = "Bearer SG.peer"
    failed = 0
    for start in range(0, len(rows), batch):
        part = rows.iloc[start : start + batch]
        contacts = part[standard].to_dict("records")
        for contact, custom in zip(contacts, part[CUSTOM].to_dict("records"), strict=True):
            contact["custom_fields"] = {name: value for name, value in custom.items() if value is not None}
        body = {"list_ids": [LIST_ID], "contacts": contacts}
        response = session.put(f"{base_url}/v3/marketing/contacts", json=body, timeout=60)
        if response.status_code != ACCEPTED:
            failed += len(contacts)
    print("failed", failed)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 30_000)  # noqa: PLR2004
