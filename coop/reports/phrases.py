"""The words of documents in every language they are written in, side by side.

A test demands that every phrase has every language and the same {places}. Figures never stand here.
"""

from __future__ import annotations

from coop.reports.errors import LanguageUnavailable

LANGUAGES = ("en", "nb", "de", "fr")

STATEMENT = {
    "title": ("Member statement", "Medlemsoppgave", "Mitgliedsauszug", "Relevé d’adhérent"),
    "you_owe": ("You owe", "Du skylder", "Sie schulden", "Vous devez"),
    "we_owe": ("We owe you", "Vi skylder deg", "Wir schulden Ihnen", "Nous vous devons"),
    "settled": ("Nothing is due", "Ingenting å betale", "Nichts offen", "Rien à payer"),
    "pay_by": ("Pay by {day}", "Betal innen {day}", "Zahlbar bis {day}", "À payer avant le {day}"),
    "credit_note": (
        "This credit stays on your account.",
        "Beløpet blir stående på kontoen din.",
        "Das Guthaben bleibt auf Ihrem Konto.",
        "Ce crédit reste sur votre compte.",
    ),
    "number": ("Statement", "Oppgave", "Auszug", "Relevé"),
    "member": ("Member", "Medlem", "Mitglied", "Adhérent"),
    "period": ("Period", "Periode", "Zeitraum", "Période"),
    "issued": ("Issued", "Utstedt", "Ausgestellt", "Émis le"),
    "energy": ("Energy used", "Energi brukt", "Bezogene Energie", "Énergie consommée"),
    "charges": ("Charges", "Belastet", "Belastungen", "Débits"),
    "payments": (
        "Payments and credits",
        "Betalt og kreditert",
        "Zahlungen, Gutschriften",
        "Paiements et crédits",
    ),
    "equity": ("Your equity", "Din egenkapital", "Ihr Anteil", "Votre capital"),
    "months": ("kWh per month", "kWh per måned", "kWh pro Monat", "kWh par mois"),
    "month": ("Month", "Måned", "Monat", "Mois"),
    "months_alt": (
        "Bar chart of the energy used in each month; the table below has its figures.",
        "Stolpediagram over energi brukt hver måned; tabellen under har tallene.",
        "Balkendiagramm der Energie jedes Monats; die Tabelle darunter nennt die Werte.",
        "Histogramme de l’énergie de chaque mois ; le tableau ci-dessous en donne les chiffres.",
    ),
    "short": ("In short", "Kort fortalt", "Kurz gesagt", "En bref"),
    "used_none": (
        "You did not charge between {first} and {last}.",
        "Du ladet ikke mellom {first} og {last}.",
        "Sie haben vom {first} bis {last} nicht geladen.",
        "Vous n’avez pas rechargé du {first} au {last}.",
    ),
    "used_one": (
        "Between {first} and {last} you took {kwh} kWh in one charging session.",
        "Mellom {first} og {last} tok du ut {kwh} kWh i én ladeøkt.",
        "Vom {first} bis {last} haben Sie {kwh} kWh in einem Ladevorgang bezogen.",
        "Du {first} au {last}, vous avez pris {kwh} kWh en une recharge.",
    ),
    "used_many": (
        "Between {first} and {last} you took {kwh} kWh in {sessions} charging sessions.",
        "Mellom {first} og {last} tok du ut {kwh} kWh i {sessions} ladeøkter.",
        "Vom {first} bis {last} haben Sie {kwh} kWh in {sessions} Ladevorgängen bezogen.",
        "Du {first} au {last}, vous avez pris {kwh} kWh en {sessions} recharges.",
    ),
    "sum": (
        "Due before {opening} + charges {charges} − payments and credits {payments} = due now {closing}.",
        "Skyldig før {opening} + belastet {charges} − betalt og kreditert {payments} = skyldig nå {closing}.",
        "Vorher offen {opening} + Belastungen {charges} − Zahlungen und Gutschriften {payments} = jetzt offen {closing}.",
        "Dû avant {opening} + débits {charges} − paiements et crédits {payments} = dû maintenant {closing}.",
    ),
    "sum_note": (
        "Below zero, we owe you.",
        "Under null skylder vi deg.",
        "Unter null schulden wir Ihnen.",
        "Au-dessous de zéro, c’est nous qui vous devons.",
    ),
    "entries": ("Entries", "Posteringer", "Buchungen", "Écritures"),
    "no_entries": (
        "There were no entries in this period.",
        "Det var ingen posteringer i perioden.",
        "In diesem Zeitraum gab es keine Buchungen.",
        "Aucune écriture pendant cette période.",
    ),
    "date": ("Date", "Dato", "Datum", "Date"),
    "what": ("Description", "Beskrivelse", "Beschreibung", "Libellé"),
    "account": ("Account", "Konto", "Konto", "Compte"),
    "hub": ("Hub", "Ladested", "Ladepark", "Station"),
    "charge": ("Charge", "Belastet", "Belastung", "Débit"),
    "payment": ("Payment", "Betalt", "Zahlung", "Paiement"),
    "due": ("Due", "Skyldig", "Offen", "Dû"),
    "seal": ("Seal", "Segl", "Siegel", "Sceau"),
    "opening": ("Due before", "Skyldig før", "Vorher offen", "Dû avant"),
    "closing": ("Due now", "Skyldig nå", "Jetzt offen", "Dû maintenant"),
    "total": ("Total", "Sum", "Summe", "Total"),
    "amounts_in": (
        "Amounts in {currency}. Accounts: {accounts}.",
        "Beløp i {currency}. Kontoer: {accounts}.",
        "Beträge in {currency}. Konten: {accounts}.",
        "Montants en {currency}. Comptes : {accounts}.",
    ),
    "by_hub": ("Energy by hub", "Energi per ladested", "Energie je Ladepark", "Énergie par station"),
    "sessions": ("Sessions", "Ladeøkter", "Ladevorgänge", "Recharges"),
    "equity_class": ("Class", "Klasse", "Klasse", "Catégorie"),
    "vintage": ("Year", "År", "Jahr", "Année"),
    "amount": ("Amount", "Beløp", "Betrag", "Montant"),
    "no_equity": (
        "You hold no shares or allocated equity yet.",
        "Du har ingen andeler eller tildelt egenkapital ennå.",
        "Sie halten noch keine Anteile oder zugewiesenes Kapital.",
        "Vous ne détenez pas encore de parts ni de capital attribué.",
    ),
    "held": ("Held for you", "Vi har i behold for deg", "Für Sie verwahrt", "Détenu pour vous"),
    "deposits": ("Deposits", "Innskudd", "Einlagen", "Dépôts"),
    "make_up": (
        "Make-up energy, paid and not yet taken",
        "Betalt energi du har til gode",
        "Bezahlte, noch nicht bezogene Energie",
        "Énergie payée, pas encore prise",
    ),
    "proof": ("Proof", "Bevis", "Nachweis", "Preuve"),
    "proof_text": (
        "The journal is sealed in a chain that cannot be altered unnoticed. Entries above that lie "
        "in a seal: {sealed} of {count}; the last column says where (seal·position). This file holds "
        "the same figures for machines and the proofs of your entries. Anyone can check them "
        "without asking us:",
        "Journalen forsegles i en kjede som ikke kan endres ubemerket. Posteringer over som ligger i "
        "et segl: {sealed} av {count}; siste kolonne sier hvor (segl·plass). Filen inneholder de "
        "samme tallene for maskiner og bevisene for posteringene dine. Hvem som helst kan "
        "kontrollere dem uten å spørre oss:",
        "Das Journal wird in einer Kette versiegelt, die niemand unbemerkt ändern kann. Buchungen "
        "oben, die in einem Siegel liegen: {sealed} von {count}; die letzte Spalte sagt wo "
        "(Siegel·Stelle). Diese Datei enthält dieselben Zahlen für Maschinen und die Beweise Ihrer "
        "Buchungen. Jeder kann sie prüfen, ohne uns zu fragen:",
        "Le journal est scellé dans une chaîne qui ne peut être modifiée sans que cela se voie. "
        "Écritures ci-dessus déjà scellées : {sealed} sur {count} ; la dernière colonne dit où "
        "(sceau·position). Ce fichier contient les mêmes chiffres pour les machines et les preuves "
        "de vos écritures. Chacun peut les vérifier sans nous consulter :",
    ),
    "seal_size": ("Sealed entries", "Forseglet", "Versiegelt", "Scellées"),
    "seal_root": ("Merkle root", "Merkle-rot", "Merkle-Wurzel", "Racine de Merkle"),
    "seal_head": ("Head of the chain", "Kjedens hode", "Kopf der Kette", "Tête de la chaîne"),
    "value": ("Value", "Verdi", "Wert", "Valeur"),
    "no_seal": (
        "No entry has been sealed yet.",
        "Ingen postering er forseglet ennå.",
        "Noch ist keine Buchung versiegelt.",
        "Aucune écriture n’est encore scellée.",
    ),
    "previous": (
        "Previous statement, SHA-256",
        "Forrige oppgave, SHA-256",
        "Voriger Auszug, SHA-256",
        "Relevé précédent, SHA-256",
    ),
    "dispute": (
        "If something is wrong",
        "Hvis noe er feil",
        "Wenn etwas nicht stimmt",
        "En cas d’erreur",
    ),
    "dispute_text": (
        "Tell us which line of statement {number} you doubt, and why. We answer with the entry and "
        "its evidence. What was wrong is corrected by a new entry; nothing is ever erased.",
        "Fortell oss hvilken linje i oppgave {number} du tviler på, og hvorfor. Vi svarer med "
        "posteringen og bilaget. Feil rettes med en ny postering; ingenting slettes.",
        "Sagen Sie uns, welche Zeile des Auszugs {number} Sie bezweifeln und warum. Wir antworten "
        "mit der Buchung und ihrem Beleg. Fehler werden durch eine neue Buchung berichtigt; nichts "
        "wird gelöscht.",
        "Dites-nous quelle ligne du relevé {number} vous contestez, et pourquoi. Nous répondons avec "
        "l’écriture et sa pièce. Une erreur est corrigée par une nouvelle écriture ; rien n’est "
        "effacé.",
    ),
    "dispute_contact": ("Write to {contact}.", "Skriv til {contact}.", "Schreiben Sie an {contact}.",
                        "Écrivez à {contact}."),
    "dispute_by": (
        "Please do so by {day}.",
        "Gjør det helst innen {day}.",
        "Bitte bis zum {day}.",
        "Merci de le faire avant le {day}.",
    ),
    "page": ("Page {page} of {pages}", "Side {page} av {pages}", "Seite {page} von {pages}",
             "Page {page} sur {pages}"),
}  # fmt: skip


def phrases_in(language: str) -> dict[str, str]:
    """Phrase by key in `language` ("en"). Refuses LANGUAGE_UNAVAILABLE beyond LANGUAGES."""
    if language not in LANGUAGES:
        offered = ", ".join(LANGUAGES)
        raise LanguageUnavailable(f'Documents are written in {offered}; not in "{language}".')
    column = LANGUAGES.index(language)
    return {key: texts[column] for key, texts in STATEMENT.items()}
