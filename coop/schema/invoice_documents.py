"""The file of an invoice or credit note: drawn at the first asking, the same ever after."""

from __future__ import annotations

import strawberry

from coop.kernel.ids import CooperativeId
from coop.members.domain.policy import absent
from coop.reports.invoicing import issue_invoice_document
from coop.schema.context import Info
from coop.schema.invoices import Invoice, invoice_named
from coop.schema.node_id import node_id_of_type
from coop.schema.statements import Document
from coop.schema.user_error import Payload, refusals_as


@strawberry.input(description="Which invoice to draw, and in which language.")
class InvoiceDocumentIssueInput:
    """Which invoice to draw, and in which language; asking again is answered with the same file."""

    invoice_id: strawberry.ID = strawberry.field(description="The invoice or credit note.")
    locale: str | None = strawberry.field(
        default=None, description="en, nb, de_CH, fr …; the member's own unless said, or en."
    )


@strawberry.type(description="The file of an invoice, or why there is none.")
class InvoiceDocumentPayload(Payload):
    """The file of an invoice, or why there is none."""

    invoice: Invoice | None = strawberry.field(default=None, description="What it is a file of.")
    document: Document | None = strawberry.field(
        default=None, description="PDF/A-3 with the e-invoice (factur-x.xml) inside."
    )


@strawberry.type
class InvoiceDocumentMutations:
    """Mutations of files of invoices."""

    @strawberry.mutation(description="Draw an invoice or credit note, once in each language.")
    @refusals_as(InvoiceDocumentPayload)
    async def invoice_document_issue(
        self, info: Info, input: InvoiceDocumentIssueInput
    ) -> InvoiceDocumentPayload:
        context = info.context
        named = node_id_of_type(input.invoice_id, "Invoice", "invoiceId")
        drawn = await issue_invoice_document(
            context.database, context.store, context.viewer, CooperativeId(named.cooperative_id),
            named.id, input.locale,
        )  # fmt: skip
        invoice = await invoice_named(context, named)
        if invoice is None:
            raise absent()
        return InvoiceDocumentPayload(invoice=invoice, document=Document.of(context, drawn))
