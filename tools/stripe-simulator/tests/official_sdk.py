"""Drives the simulator with Stripe's own Python SDK, as a server and (with the publishable key) as
a browser would.

Usage: official_sdk.py <base url> <secret key> <publishable key>. Exits with 1 at the first
difference from Stripe.
"""

import json
import queue
import re
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import stripe

BASE, SECRET, PUBLISHABLE = sys.argv[1:4]
received: "queue.Queue[tuple]" = queue.Queue()
refuse_next = threading.Semaphore(0)


class Receiver(BaseHTTPRequestHandler):
    """Takes webhooks, or refuses as many as a test wishes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        refused = refuse_next.acquire(blocking=False)
        self.send_response(500 if refused else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        if not refused:
            received.put((self.headers, body))

    def log_message(self, *_):
        pass


def client(key=SECRET, retries=0):
    return stripe.StripeClient(key, base_addresses={"api": BASE}, max_network_retries=retries)


def raises(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


def control(path, body=None, method="POST"):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        BASE + "/_simulator/" + path, data, {"Content-Type": "application/json"}, method=method
    )
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
        return json.loads(text) if text else None


def form(path, fields, headers=None):
    """A browser's request; returns status, headers, JSON."""
    data = urllib.parse.urlencode(fields).encode()
    request = urllib.request.Request(BASE + path, data, headers or {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read())


def events_until(kind, intent, secret, seconds=10):
    """Kinds of the verified events about an intent, up to the one wanted."""
    seen, end = [], time.time() + seconds
    while time.time() < end:
        try:
            headers, body = received.get(timeout=0.2)
        except queue.Empty:
            continue
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], secret)
        subject = event.data.object
        if subject["id"] == intent or getattr(subject, "payment_intent", None) == intent:
            seen.append(event.type)
        if event.type == kind and intent in (
            subject["id"],
            getattr(subject, "payment_intent", None),
        ):
            return seen, event, headers, body
    raise AssertionError(f"no {kind} for {intent}; saw {seen}")


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
api = client()
intents, refunds = api.v1.payment_intents, api.v1.refunds

endpoint = api.v1.webhook_endpoints.create(
    {
        "url": f"http://127.0.0.1:{server.server_port}/hook",
        "enabled_events": ["*"],
        "metadata": {"for": "test"},
    }
)
assert endpoint.secret.startswith("whsec_") and endpoint.enabled_events == ["*"]
assert api.v1.webhook_endpoints.retrieve(endpoint.id).url == endpoint.url


def new(**more):
    params = {
        "amount": 4500,
        "currency": "eur",
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        "metadata": {"booking_id": "bkg_1"},
    }
    return intents.create({**params, **more})


def create_then_confirm():
    made = new()
    assert (
        made.status == "requires_payment_method"
        and made.object == "payment_intent"
        and made.livemode is False
    )
    assert made.client_secret.startswith(made.id + "_secret_")
    assert made.automatic_payment_methods.enabled and made.metadata["booking_id"] == "bkg_1"
    paid = intents.confirm(made.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge"]})
    assert paid.status == "succeeded" and paid.amount_received == 4500
    assert (
        paid.latest_charge.captured
        and paid.latest_charge.payment_method_details.card.last4 == "4242"
    )
    assert paid.latest_charge.metadata["booking_id"] == "bkg_1"
    assert intents.retrieve(made.id).latest_charge == paid.latest_charge.id
    assert api.v1.payment_methods.retrieve(paid.payment_method).card.brand == "visa"
    error = raises(
        stripe.InvalidRequestError,
        lambda: intents.confirm(made.id, {"payment_method": "pm_card_visa"}),
    )
    assert error.http_status == 400 and error.code == "payment_intent_unexpected_state"

    seen, event, headers, body = events_until("payment_intent.succeeded", made.id, endpoint.secret)
    # Stripe promises no order, and neither does the simulator.
    while not {"payment_intent.created", "charge.succeeded", "payment_intent.succeeded"} <= set(
        seen
    ):
        seen += events_until(
            "payment_intent.created"
            if "payment_intent.created" not in seen
            else "charge.succeeded",
            made.id,
            endpoint.secret,
        )[0]
    assert (
        event.data.object.status == "succeeded"
        and event.object == "event"
        and event.request.id.startswith("req_")
    )
    assert event.request.idempotency_key, "the SDK sends a key of its own"
    assert api.v1.events.retrieve(event.id).data.object.id == made.id
    raises(
        stripe.SignatureVerificationError,
        lambda: stripe.Webhook.construct_event(
            body + b" ", headers["Stripe-Signature"], endpoint.secret
        ),
    )
    raises(
        stripe.SignatureVerificationError,
        lambda: stripe.Webhook.construct_event(body, headers["Stripe-Signature"], "whsec_other"),
    )


def declined_then_another_card():
    made = new()
    error = raises(
        stripe.CardError,
        lambda: intents.confirm(made.id, {"payment_method": "pm_card_visa_chargeDeclined"}),
    )
    assert (error.http_status, error.code) == (402, "card_declined")
    assert error.error.decline_code == "generic_decline"
    assert error.error.payment_intent.status == "requires_payment_method"
    after = intents.retrieve(made.id)
    assert (
        after.last_payment_error.code == "card_declined"
        and after.last_payment_error.decline_code == "generic_decline"
    )
    assert (
        after.payment_method is None
        and api.v1.charges.retrieve(after.latest_charge).status == "failed"
    )
    events_until("payment_intent.payment_failed", made.id, endpoint.secret)
    funds = {
        "payment_method_data": {
            "type": "card",
            "card": {"number": "4000000000009995", "exp_month": 1, "exp_year": 2040, "cvc": "1"},
        }
    }
    error = raises(stripe.CardError, lambda: intents.confirm(made.id, funds))
    assert error.error.decline_code == "insufficient_funds"
    paid = intents.confirm(made.id, {"payment_method": "pm_card_mastercard"})
    assert paid.status == "succeeded" and paid.last_payment_error is None
    assert [c.status for c in api.v1.charges.list({"payment_intent": made.id}).data] == [
        "succeeded",
        "failed",
        "failed",
    ]
    error = raises(
        stripe.CardError,
        lambda: new(confirm=True, payment_method="pm_card_chargeDeclinedExpiredCard"),
    )
    assert error.code == "expired_card"


def three_d_secure():
    for outcome, status, kind in [
        ("complete", "succeeded", "payment_intent.succeeded"),
        ("fail", "requires_payment_method", "payment_intent.payment_failed"),
    ]:
        made = new(automatic_payment_methods={"enabled": True})
        held = intents.confirm(
            made.id,
            {
                "payment_method": "pm_card_authenticationRequired",
                "return_url": "http://127.0.0.1:1/back?x=1",
            },
        )
        assert held.status == "requires_action" and held.next_action.type == "redirect_to_url"
        events_until("payment_intent.requires_action", made.id, endpoint.secret)
        url = held.next_action.redirect_to_url.url
        with urllib.request.urlopen(url) as page:
            html = page.read().decode()
        assert "45.00 eur" in html
        secret = re.search(r'name="client_secret" value="([^"]+)"', html).group(1)

        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None

        decision = urllib.parse.urlencode({"client_secret": secret, "outcome": outcome}).encode()
        try:
            urllib.request.build_opener(Stay).open(url.split("?")[0], decision)
            raise AssertionError("expected a redirect")
        except urllib.error.HTTPError as error:
            assert error.code == 303, error.code
            target = error.headers["Location"]
        assert target.startswith("http://127.0.0.1:1/back?x=1&payment_intent=" + made.id), target
        assert ("redirect_status=succeeded" in target) == (outcome == "complete")
        after = intents.retrieve(made.id)
        assert after.status == status, after.status
        if outcome == "fail":
            assert after.last_payment_error.code == "payment_intent_authentication_failure"
        events_until(kind, made.id, endpoint.secret)
    error = raises(
        stripe.CardError,
        lambda: new(
            confirm=True, off_session=True, payment_method="pm_card_authenticationRequired"
        ),
    )
    assert error.code == "authentication_required"


def capture_and_cancel():
    made = new(capture_method="manual", confirm=True, payment_method="pm_card_visa")
    assert (
        made.status == "requires_capture"
        and made.amount_capturable == 4500
        and made.amount_received == 0
    )
    events_until("payment_intent.amount_capturable_updated", made.id, endpoint.secret)
    error = raises(
        stripe.InvalidRequestError, lambda: intents.capture(made.id, {"amount_to_capture": 4501})
    )
    assert error.code == "amount_too_large"
    done = intents.capture(made.id, {"amount_to_capture": 4000})
    assert done.status == "succeeded" and done.amount_received == 4000
    error = raises(
        stripe.InvalidRequestError,
        lambda: refunds.create({"payment_intent": made.id, "amount": 4001}),
    )
    assert error.param == "amount"
    assert (
        raises(stripe.InvalidRequestError, lambda: intents.cancel(made.id)).code
        == "payment_intent_unexpected_state"
    )

    other = new(capture_method="manual", confirm=True, payment_method="pm_card_visa")
    gone = intents.cancel(other.id, {"cancellation_reason": "abandoned"})
    assert (
        gone.status == "canceled"
        and gone.cancellation_reason == "abandoned"
        and gone.amount_capturable == 0
    )
    events_until("payment_intent.canceled", other.id, endpoint.secret)
    error = raises(stripe.InvalidRequestError, lambda: refunds.create({"payment_intent": other.id}))
    assert "does not have a successful charge" in str(error)


def refunding():
    paid = new(confirm=True, payment_method="pm_card_visa")
    first = refunds.create(
        {
            "payment_intent": paid.id,
            "amount": 2700,
            "reason": "requested_by_customer",
            "metadata": {"n": "1"},
        }
    )
    assert (
        first.status == "succeeded"
        and first.payment_intent == paid.id
        and first.charge == paid.latest_charge
    )
    error = raises(
        stripe.InvalidRequestError,
        lambda: refunds.create({"payment_intent": paid.id, "amount": 2700}),
    )
    assert error.http_status == 400 and error.param == "amount"
    rest = refunds.create({"charge": paid.latest_charge})
    assert rest.amount == 1800
    error = raises(stripe.InvalidRequestError, lambda: refunds.create({"payment_intent": paid.id}))
    assert error.code == "charge_already_refunded"
    assert [r.amount for r in refunds.list({"payment_intent": paid.id}).data] == [1800, 2700]
    assert refunds.retrieve(first.id).metadata["n"] == "1"
    charge = api.v1.charges.retrieve(paid.latest_charge)
    assert charge.refunded and charge.amount_refunded == 4500
    wanted = {"charge.refunded", "refund.created", "refund.updated"}
    while wanted:
        kind = sorted(wanted)[0]
        wanted -= set(events_until(kind, paid.id, endpoint.secret)[0])

    later = new(confirm=True, payment_method="pm_card_pendingRefund")
    pending = refunds.create({"payment_intent": later.id})
    assert pending.status == "pending"
    fails = new(confirm=True, payment_method="pm_card_refundFail")
    failing = refunds.create({"payment_intent": fails.id})
    events_until("refund.failed", fails.id, endpoint.secret)
    assert (
        refunds.retrieve(failing.id).status == "failed"
        and refunds.retrieve(pending.id).status == "succeeded"
    )
    assert api.v1.charges.retrieve(fails.latest_charge).amount_refunded == 0


def two_refunds_at_once():
    paid = new(confirm=True, payment_method="pm_card_visa")

    def refund(_):
        try:
            return refunds.create({"payment_intent": paid.id, "amount": 2700}).amount
        except stripe.InvalidRequestError:
            return 0

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(refund, range(8))) == 2700


def idempotency():
    key = str(uuid.uuid4())
    params = {"amount": 1000, "currency": "eur", "metadata": {"a": "b"}}
    first = intents.create(params, {"idempotency_key": key})
    intents.update(first.id, {"metadata": {"a": "changed"}})
    again = intents.create(params, {"idempotency_key": key})
    assert again.id == first.id and again.metadata["a"] == "b", (
        "the first answer, not the present state"
    )
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert (
        again.last_response.headers["Original-Request"] == first.last_response.headers["Request-Id"]
    )
    assert str(again.last_response.body) == str(first.last_response.body)
    error = raises(
        stripe.IdempotencyError,
        lambda: intents.create({**params, "amount": 1001}, {"idempotency_key": key}),
    )
    assert error.http_status == 400
    raises(
        stripe.IdempotencyError,
        lambda: refunds.create({"payment_intent": first.id}, {"idempotency_key": key}),
    )

    declined = {"payment_method": "pm_card_visa_chargeDeclined"}
    key = str(uuid.uuid4())
    for _ in range(2):
        raises(
            stripe.CardError, lambda: intents.confirm(first.id, declined, {"idempotency_key": key})
        )
    assert len(api.v1.charges.list({"payment_intent": first.id}).data) == 1, (
        "a repeated refusal is not a second attempt"
    )

    key = str(uuid.uuid4())
    raises(
        stripe.InvalidRequestError, lambda: intents.create({"amount": 1}, {"idempotency_key": key})
    )
    assert intents.create(params, {"idempotency_key": key}).id, (
        "a refused request does not use up its key"
    )

    control("latency", {"milliseconds": 400})
    key = str(uuid.uuid4())

    def create(_):
        try:
            return intents.create(params, {"idempotency_key": key}).id
        except (
            stripe.APIError
        ) as error:  # the SDK has no kind of its own for 409; it retries it when told to
            assert error.http_status == 409 and error.error.code == "idempotency_key_in_use", error
            return None

    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(create, range(4)))
    assert ids.count(None) == 3, ids
    control("latency", {"milliseconds": 0})


def lost_answers():
    made = new(capture_method="manual", confirm=True, payment_method="pm_card_visa")
    for kind in ["no_answer", "error_after"]:
        control("faults", {"kind": kind, "path": "/confirm"})
        made = new()
        once = client(retries=0).v1.payment_intents
        raises(
            stripe.StripeError,
            partial(
                once.confirm,
                made.id,
                {"payment_method": "pm_card_visa"},
                {"idempotency_key": made.id},
            ),
        )
        assert intents.retrieve(made.id).status == "succeeded", "done, though nobody was told"
        paid = once.confirm(
            made.id, {"payment_method": "pm_card_visa"}, {"idempotency_key": made.id}
        )
        assert paid.status == "succeeded"
    for kind in ["error_before", "no_answer"]:
        control("faults", {"kind": kind, "path": "/confirm"})
        made = new()
        paid = client(retries=2).v1.payment_intents.confirm(
            made.id, {"payment_method": "pm_card_visa"}
        )
        assert (
            paid.status == "succeeded"
            and len(api.v1.charges.list({"payment_intent": made.id}).data) == 1
        )
    control("faults", {"kind": "error_kept", "path": "/refunds"})
    for _ in range(2):
        raises(
            stripe.APIError,
            lambda: refunds.create({"payment_intent": made.id}, {"idempotency_key": made.id + "r"}),
        )
    assert refunds.list({"payment_intent": made.id}).data == []
    control("faults", {"kind": "rate_limit"})
    raises(stripe.RateLimitError, lambda: intents.retrieve(made.id))


def faults_of_the_caller():
    error = raises(
        stripe.AuthenticationError, lambda: client("sk_test_somebodyelse").v1.payment_intents.list()
    )
    assert error.http_status == 401
    raises(stripe.PermissionError, lambda: client(PUBLISHABLE).v1.payment_intents.list())
    wrong = [
        ({"currency": "eur"}, "parameter_missing", "amount"),
        ({"amount": 10, "currency": "eur"}, "amount_too_small", "amount"),
        ({"amount": "x", "currency": "eur"}, "parameter_invalid_integer", "amount"),
        ({"amount": 1000, "currency": "xyz"}, None, "currency"),
        ({"amount": 1000, "currency": "eur", "colour": "red"}, "parameter_unknown", "colour"),
        (
            {"amount": 1000, "currency": "eur", "payment_method": "pm_card_none"},
            "resource_missing",
            "payment_method",
        ),
    ]
    for params, code, param in wrong:
        error = raises(stripe.InvalidRequestError, partial(intents.create, params))
        assert (error.code, error.param) == (code, param), (error.code, error.param)
    error = raises(stripe.InvalidRequestError, lambda: intents.retrieve("pi_none"))
    assert error.http_status == 404 and error.code == "resource_missing"
    raises(stripe.InvalidRequestError, lambda: api.v1.customers.list())
    assert (
        raises(stripe.InvalidRequestError, lambda: intents.confirm(new().id)).code
        == "payment_intent_unexpected_state"
    )


def a_browser():
    made = new()
    secret = {"key": PUBLISHABLE, "client_secret": made.client_secret}
    path = f"/v1/payment_intents/{made.id}"
    card = {
        "payment_method_data[type]": "card",
        "payment_method_data[card][exp_year]": "40",
        "payment_method_data[card][cvc]": "123",
        "payment_method_data[guid]": "NA",
        "expected_payment_method_type": "card",
        "use_stripe_sdk": "true",
    }
    status, headers, body = form(
        path + "/confirm",
        {**secret, **card, "payment_method_data[card][number]": "4000000000000002"},
    )
    assert (status, body["error"]["code"]) == (402, "card_declined") and headers[
        "Access-Control-Allow-Origin"
    ] == "*"
    assert "metadata" not in body["error"]["payment_intent"], "a browser does not see metadata"
    status, _, body = form(
        path + "/confirm",
        {**card, "payment_method_data[card][number]": "4242424242424242", "client_secret": "wrong"},
        {"Authorization": f"Bearer {PUBLISHABLE}"},
    )
    assert status == 400 and body["error"]["param"] == "client_secret"
    status, _, body = form(
        path + "/confirm",
        {
            **card,
            "payment_method_data[card][number]": "4242424242424242",
            "client_secret": made.client_secret,
        },
        {"Authorization": f"Bearer {PUBLISHABLE}"},
    )
    assert (status, body["status"]) == (200, "succeeded") and "latest_charge" not in body
    with urllib.request.urlopen(BASE + path + "?" + urllib.parse.urlencode(secret)) as answer:
        assert json.loads(answer.read())["status"] == "succeeded"
    preflight = urllib.request.Request(BASE + path + "/confirm", method="OPTIONS")
    with urllib.request.urlopen(preflight) as answer:
        assert answer.status == 204 and "POST" in answer.headers["Access-Control-Allow-Methods"]
    status, _, _ = form(path + "/cancel", secret)
    assert status == 403


def listing():
    start = int(time.time())
    made = [new().id for _ in range(5)]
    found = [
        intent.id
        for intent in intents.list({"created": {"gte": start}, "limit": 2}).auto_paging_iter()
    ]
    assert found[:5] == made[::-1], "all of them, newest first, over several pages"
    page = intents.list({"limit": 2, "starting_after": made[2]})
    assert [intent.id for intent in page.data] == [made[1], made[0]]
    kinds = {
        event.type
        for event in api.v1.events.list({"type": "payment_intent.created", "limit": 5}).data
    }
    assert kinds == {"payment_intent.created"}


def disturbed_webhooks():
    while not received.empty():
        received.get()
    refuse_next.release(3)
    made = new()
    events_until("payment_intent.created", made.id, endpoint.secret)
    attempts = [
        d["status"]
        for d in control("deliveries?limit=1000", method="GET")["deliveries"]
        if d["status"] == 500
    ]
    assert len(attempts) == 3, "refused ones are tried again until taken"

    control("webhooks", {"paused": True})
    made = new(confirm=True, payment_method="pm_card_visa")
    time.sleep(0.3)
    assert received.empty(), "paused"
    control("webhooks", {"duplicates": 2})
    _, event, _, _ = events_until("payment_intent.succeeded", made.id, endpoint.secret)
    time.sleep(0.3)
    while not received.empty():
        received.get()
    made = new()
    ids = [events_until("payment_intent.created", made.id, endpoint.secret)[1].id for _ in range(3)]
    assert len(set(ids)) == 1, "one event, three times"
    control("webhooks", {"reorder_ms": 100})
    made = new(confirm=True, payment_method="pm_card_visa")
    events_until("payment_intent.succeeded", made.id, endpoint.secret)
    control("webhooks", {})
    control(f"events/{event.id}/resend")
    assert (
        events_until("payment_intent.succeeded", event.data.object.id, endpoint.secret)[1].id
        == event.id
    )


for test in [
    create_then_confirm,
    declined_then_another_card,
    three_d_secure,
    capture_and_cancel,
    refunding,
    two_refunds_at_once,
    idempotency,
    lost_answers,
    faults_of_the_caller,
    a_browser,
    listing,
    disturbed_webhooks,
]:
    test()
    print("ok", test.__name__, flush=True)

money = control("state", method="GET")["money"]["eur"]
captured = sum(i.amount_received for i in intents.list({"limit": 100}).auto_paging_iter())
given_back = sum(
    r.amount for r in refunds.list({"limit": 100}).auto_paging_iter() if r.status == "succeeded"
)
assert (money["captured"], money["refunded"]) == (captured, given_back), money
print("ok money adds up:", money)
