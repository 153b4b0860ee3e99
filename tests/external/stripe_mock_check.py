"""EventHub's requests to Stripe, each held against Stripe's own OpenAPI document by Stripe's own
stripe-mock.

stripe-mock knows what a request may say and remembers nothing, so the story is told by EventHub's
simulator: a gateway sends every request of the component to both, notes what stripe-mock says of
it, and answers with the simulator's answer.
"""

import re
import sys
from dataclasses import replace

from api import Api
from environment import Environment, free_port, listens, say
from gateway import Gateway, form

# stripe-mock takes any key that looks like one of Stripe's.
KEY = "sk_test_check"

# Every call that payment-stripe can make; `wit/deps/payment-provider` lists the functions behind
# them.
CALLS = {
    "create an intent": r"POST /v1/payment_intents",
    "read an intent": r"GET /v1/payment_intents/\w+",
    "cancel an intent": r"POST /v1/payment_intents/\w+/cancel",
    "create a refund": r"POST /v1/refunds",
    "read a refund": r"GET /v1/refunds/\w+",
}


def tell_the_story(buyer, organizer, stripe, key):
    """Bookings that need each of the calls at least once."""

    def pay(booking, card):
        intent = booking["payment"]["client_secret"].split("_secret")[0]
        status, _, body = form(
            f"/v1/payment_intents/{intent}/confirm", key, payment_method=card
        ).send(stripe)
        assert status == 200, f"the simulator answered {status}: {body}"

    event = organizer.sell()
    given_up = buyer.book(buyer.hold(event, "A-1-1"))
    buyer.post(f"bookings/{given_up['id']}/cancel")

    # Nobody tells of this payment in time: EventHub finds out by reading the intent.
    paid = buyer.book(buyer.hold(event, "A-1-3"))
    pay(paid, "pm_card_visa")
    buyer.booking_in(paid["id"], "confirmed")
    # Its refund stays pending at first, so that EventHub reads it again.
    slow = buyer.book(buyer.hold(event, "A-1-5"))
    pay(slow, "pm_card_pendingRefund")
    buyer.booking_in(slow["id"], "confirmed")
    organizer.post(f"events/{event['id']}/cancel", {"reason": "The singer is ill."})
    buyer.booking_in(paid["id"], "refunded")
    buyer.booking_in(slow["id"], "refunded", seconds=120)


def main(stripe_mock):
    with Environment() as environment:
        port = free_port()
        environment.start("stripe-mock", [stripe_mock, "-http-port", port], lambda: listens(port))
        mock = f"http://127.0.0.1:{port}"
        # Were everything accepted, the check would prove nothing.
        wrong = form("/v1/payment_intents", KEY, amount=4500, currency="eur", colour="blue").send(
            mock
        )
        assert wrong[0] == 400, f"stripe-mock accepts an unknown parameter: {wrong}"

        state = environment.servers()
        stripe, key = state["stripe"]["url"], state["stripe"]["secret_key"]
        verdicts = []

        def both(request):
            verdicts.append((request, request.send(mock)))
            headers = {
                name: value
                for name, value in request.headers.items()
                if name.lower() != "authorization"
            }
            return replace(request, headers={**headers, "authorization": f"Bearer {key}"}).send(
                stripe
            )

        gateway = Gateway(both)
        # The simulator tells its webhooks to a host that has no such route: EventHub hears of
        # everything by asking.
        url = environment.serve(state, free_port(), **gateway.variables(KEY, "whsec_unused"))
        say("booking, paying, cancelling, refunding")
        tell_the_story(
            Api(url).sign_up("Bea Buyer"), Api(url).sign_up("Otto Organizer"), stripe, key
        )

    counts = dict.fromkeys(CALLS, 0)
    for request, (status, _, answer) in verdicts:
        line = f"{request.method} {request.path}"
        what = next((name for name, pattern in CALLS.items() if re.fullmatch(pattern, line)), None)
        assert what, f"a call that this check does not know: {line}"
        assert status == 200, f"stripe-mock refuses {line} with {request.body}: {status} {answer}"
        assert request.headers.get("idempotency-key") or "create" not in what, (
            f"{line} has no Idempotency-Key"
        )
        counts[what] += 1
    missing = [name for name, count in counts.items() if not count]
    assert not missing, f"the story did not need these calls: {missing}"
    print(
        f"Stripe's document accepts all {len(verdicts)} requests: "
        + ", ".join(f"{name} {count}" for name, count in counts.items())
    )


main(*sys.argv[1:])
