import base64
import hashlib
import hmac
import re
import sys
import time

TOLERANCE_SECONDS = 300


def verify(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether a delivery was signed with this secret, within the last five minutes."""
    delivery_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not delivery_id or not re.fullmatch(r"[0-9]{1,12}", timestamp):
        return False
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        return False
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{delivery_id}.{timestamp}.".encode() + body
    digest = hmac.new(key, content, hashlib.sha256).digest()
    expected = b"v1," + base64.b64encode(digest)
    # There are several signatures while a secret is being replaced; one that fits is enough.
    given = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(signature, expected) for signature in given)


# From the command line: python3 verify.py <secret> <webhook-id> <webhook-timestamp> "<webhook-signature>" < body
if __name__ == "__main__":
    secret, delivery_id, timestamp, signature = sys.argv[1:5]
    headers = {
        "webhook-id": delivery_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
    }
    is_valid = verify(secret, headers, sys.stdin.buffer.read())
    print("valid" if is_valid else "forged")
    sys.exit(0 if is_valid else 1)
