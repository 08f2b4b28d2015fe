"""The twelve operations as every terminal has them: async, for threads, through a daemon.

Each method makes the order of its kind (`ecrlan.model.orders`) and hands it on. What comes back is a matter of the terminal: an operation,
or what is awaited for one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, Literal, TypeVar

from ecrlan.model import PaymentType, orders
from ecrlan.model.orders import Contents, Order

Money = TypeVar("Money")
"""What a call returns that moves money or checks a card: `MoneyOperation`, or what is awaited for one."""
Other = TypeVar("Other")
"""What every other call returns."""


class Operations(ABC, Generic[Money, Other]):
    """The operations of a terminal.

    Every call returns an `Operation`. Its outcome says what is proved: `Approved`, `Declined` (nothing was charged), `NotPerformed`
    (nothing was sent, or the terminal took nothing) or `Unresolved` (it may or may not have been performed: settle it, never repeat it
    under another reference before). What only asks the terminal is `Done`, and so are `close_session` and a VAS inquiry.

    An exception means that nothing was journaled and nothing was sent: `InvalidValueError` for a value that is not allowed,
    `TerminalBusyError` where the terminal was not free in `queue_timeout` seconds, `TerminalBlockedError` where an operation on it is
    unresolved, `ReferenceConflictError` where `reference` stands for something else, `JournalError` where the journal cannot be written,
    `RegisterError` for every other refusal.

    These arguments mean the same everywhere:

    - `amount`: whole cents, 1 to 99,999,999.
    - `reference`: your name for the operation, 1 to 64 of `A-Za-z0-9._-`, unique for ever. The same reference with the same arguments is
      the same operation, however often it is asked for. None: one is made.
    - `queue_timeout`: seconds to wait for the terminal, 0 to 3600; 0: not at all; None: the terminal's setting.
    - `cash_register_id`: the till that asks, 8 digits; None: the register's own.
    - `payment_type`: which card the terminal takes.
    - `receipt_text`: printed at the receipt's foot, at most 128 printable ASCII characters.
    - `card_present`: the card is in the terminal already.
    - `additional_data`: up to four pairs (index 1 to 5, text) for the host; `iso_field`: which field the host shall return, `00` for none.

    Cancelling a call drops an operation that still waits for the terminal. One that was sent goes on, and its outcome stands in the
    journal.
    """

    @abstractmethod
    def _money(self, order: Order) -> Money:
        """Have an order carried out that moves money or checks a card."""

    @abstractmethod
    def carry_out(self, order: Order) -> Other:
        """Have an order carried out: what the methods below do, for programs that have their orders as data.

        Returns and raises as they do.
        """

    def purchase(
        self,
        amount: int,
        *,
        reference: str | None = None,
        receipt_text: str = "",
        payment_type: PaymentType = PaymentType.AUTOMATIC,
        card_present: bool = False,
        additional_data: Contents = (),
        iso_field: str = "00",
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Money:
        """Take a card payment of `amount` cents.

        It is asked for with `X`, or `P` where the terminal does not know that. Once it was sent it is never sent again: after a lost
        answer the terminal is questioned, and what that does not prove is `Unresolved`. Raises as the class says; nothing was sent then.
        """
        return self._money(
            orders.Purchase(
                amount=amount,
                reference=reference,
                receipt_text=receipt_text,
                payment_type=payment_type,
                card_present=card_present,
                additional_data=additional_data,
                iso_field=iso_field,
                cash_register_id=cash_register_id,
                queue_timeout=queue_timeout,
            )
        )

    def void(
        self,
        *,
        target: str | None = None,
        stan: str | None = None,
        last: bool = False,
        reference: str | None = None,
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Money:
        """Reverse the terminal's last payment: name it in one of three ways.

        `target` is the payment's reference, `stan` its STAN (6 digits), `last=True` takes whichever payment was the last, one made by hand
        included. Raises `RegisterError` where `target` is not the terminal's last payment as far as known, or is (being) voided already,
        and as the class says; nothing was sent then. Never sent again on silence: what is not proved is `Unresolved`.
        """
        return self._money(
            orders.Void(
                target=target, stan=stan, last=last, reference=reference, cash_register_id=cash_register_id, queue_timeout=queue_timeout
            )
        )

    def preauthorize(
        self,
        amount: int,
        *,
        reference: str | None = None,
        receipt_text: str = "",
        payment_type: PaymentType = PaymentType.AUTOMATIC,
        card_present: bool = False,
        additional_data: Contents = (),
        iso_field: str = "00",
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Money:
        """Reserve `amount` cents on a card; the result's `preauthorization_code` is what `increment` and `capture` need.

        Raises as the class says; nothing was sent then. Never sent again on silence: what is not proved is `Unresolved`.
        """
        return self._money(
            orders.Preauthorize(
                amount=amount,
                reference=reference,
                receipt_text=receipt_text,
                payment_type=payment_type,
                card_present=card_present,
                additional_data=additional_data,
                iso_field=iso_field,
                cash_register_id=cash_register_id,
                queue_timeout=queue_timeout,
            )
        )

    def increment(
        self,
        amount: int,
        *,
        target: str | None = None,
        preauthorization_code: str | None = None,
        reference: str | None = None,
        receipt_text: str = "",
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Money:
        """Add `amount` cents to an open pre-authorization: that of the operation `target`, or the one with `preauthorization_code`.

        Raises `UnknownReferenceError` and `RegisterError` where `target` is no open pre-authorization of this terminal, and as the class
        says; nothing was sent then. Never sent again on silence: what is not proved is `Unresolved`.
        """
        return self._money(
            orders.Increment(
                amount=amount,
                target=target,
                preauthorization_code=preauthorization_code,
                reference=reference,
                receipt_text=receipt_text,
                cash_register_id=cash_register_id,
                queue_timeout=queue_timeout,
            )
        )

    def capture(
        self,
        amount: int,
        *,
        target: str | None = None,
        preauthorization_code: str | None = None,
        reference: str | None = None,
        receipt_text: str = "",
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Money:
        """Charge `amount` cents, the final sum, of a pre-authorization: that of `target`, or the one with `preauthorization_code`.

        Raises `UnknownReferenceError` and `RegisterError` where `target` is no open pre-authorization of this terminal, and as the class
        says; nothing was sent then. Never sent again on silence: what is not proved is `Unresolved`.
        """
        return self._money(
            orders.Capture(
                amount=amount,
                target=target,
                preauthorization_code=preauthorization_code,
                reference=reference,
                receipt_text=receipt_text,
                cash_register_id=cash_register_id,
                queue_timeout=queue_timeout,
            )
        )

    def verify_card(
        self,
        *,
        payment_type: PaymentType = PaymentType.AUTOMATIC,
        reference: str | None = None,
        additional_data: Contents = (),
        iso_field: str = "00",
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Money:
        """Check a card without charging it: `Approved` where it is valid.

        Raises as the class says; nothing was sent then. No money moves, whatever the outcome.
        """
        return self._money(
            orders.VerifyCard(
                payment_type=payment_type,
                reference=reference,
                additional_data=additional_data,
                iso_field=iso_field,
                cash_register_id=cash_register_id,
                queue_timeout=queue_timeout,
            )
        )

    def totals(self, *, reference: str | None = None, cash_register_id: str | None = None, queue_timeout: float | None = None) -> Other:
        """Ask the terminal's totals: `Done` with a `TotalsResponse`, in cents. Raises as the class says. No money moves."""
        return self.carry_out(orders.Totals(reference=reference, cash_register_id=cash_register_id, queue_timeout=queue_timeout))

    def close_session(
        self, *, reference: str | None = None, cash_register_id: str | None = None, queue_timeout: float | None = None
    ) -> Other:
        """Close the accounting session with the host: `Done` with a `CloseSessionResponse`, its totals in cents.

        Raises as the class says; nothing was sent then. Never sent again on silence: what is not proved is `Unresolved`.
        """
        return self.carry_out(orders.CloseSession(reference=reference, cash_register_id=cash_register_id, queue_timeout=queue_timeout))

    def last_result(
        self, *, reference: str | None = None, cash_register_id: str | None = None, queue_timeout: float | None = None
    ) -> Other:
        """Ask for the terminal's last saved result: `Done` with a `PaymentResult`.

        It says nothing about whose it is: never take it for an approval. Not journaled without a `reference`. Raises as the class says. No
        money moves.
        """
        return self.carry_out(orders.LastResult(reference=reference, cash_register_id=cash_register_id, queue_timeout=queue_timeout))

    def status(self, *, reference: str | None = None, queue_timeout: float | None = None) -> Other:
        """Ask how the terminal is: `Done` with a `StatusResponse`, or `NotPerformed` where it does not answer.

        Not journaled without a `reference`. Raises as the class says. No money moves.
        """
        return self.carry_out(orders.Status(reference=reference, queue_timeout=queue_timeout))

    def reprint(
        self, *, to_ecr: bool = True, ticket_type: int = 0, reference: str | None = None, queue_timeout: float | None = None
    ) -> Other:
        """Have the last receipt printed again, on the register (`to_ecr`) or on the terminal.

        `ticket_type` is 0 for the financial receipt, 1 for the service receipt. Raises as the class says. No money moves.
        """
        return self.carry_out(orders.Reprint(to_ecr=to_ecr, ticket_type=ticket_type, reference=reference, queue_timeout=queue_timeout))

    def vas(
        self,
        function: str,
        *,
        amount: str | None = None,
        order_id: str | None = None,
        printer: Literal["POS", "ECR"] = "POS",
        parameters: Mapping[str, str] | None = None,
        reference: str | None = None,
        cash_register_id: str | None = None,
        queue_timeout: float | None = None,
    ) -> Other:
        """Perform a function of another payment method, such as `BPAY_QR`.

        `amount` is text and goes through as given: the protocol does not state its unit. `order_id` (at most 27 characters) names the order
        of a refund, `printer` says who prints: the terminal (`POS`) or the register (`ECR`). Payments and refunds are `Approved`, inquiries
        and totals `Done`. Raises as the class says; nothing was sent then. Never sent again on silence: what is not proved is
        `Unresolved`.
        """
        return self.carry_out(
            orders.Vas(
                function=function,
                amount=amount,
                order_id=order_id,
                printer=printer,
                parameters=parameters or {},
                reference=reference,
                cash_register_id=cash_register_id,
                queue_timeout=queue_timeout,
            )
        )
