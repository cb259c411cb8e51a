"""The privacy text that somebody agrees to before data leaves for SendGrid. A change of it takes a new version."""

TEXT_VERSION = "2026-11"

PARAGRAPHS = (
    (
        "When you agree, this app sends personal data of your customers to Twilio SendGrid: e-mail addresses, and"
        " every field that an export maps, such as names, places and custom fields. It does so at every run of "
        "every export that uses this connection."
    ),
    (
        "With that, the data leaves the compliance boundary of your Azure subscription and of your customer data "
        "platform. From then on it is handled under your own contract with Twilio, in the region of your SendGrid"
        " account, and the guarantees of the platform it came from no longer hold for it."
    ),
    (
        "The app sends data to the host that is named with the connection. An export that may send files uploads them"
        " to the storage that SendGrid names for it, so far Amazon S3 in the United States; each export says whether"
        " it may. Nothing goes anywhere else. The app removes people "
        "from the list who have left the segments, if the export says so; it never deletes contacts from the "
        "account. A request to erase somebody has to be carried out in SendGrid, too."
    ),
    (
        "An administrator can withdraw this agreement at any time. Runs that are under way stop before their next"
        " batch, and no other begins. What has been sent stays with SendGrid until somebody deletes it there."
    ),
)

RESPONSIBILITIES = (
    ("You", "have the legal basis, or the consent of the people concerned, to hand their data on for this purpose."),
    ("You", "make sure that SendGrid meets the privacy and security obligations that you are bound by."),
    ("Twilio SendGrid", "handles the data after it has been taken over, under its contract with you."),
    ("This app", "sends what the exports say to this account only, keeps its key in your Key Vault, and logs no data."),
)
