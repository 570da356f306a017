"""What is wrong with a wide question to usage, in French and Spanish; in the form of french.py."""

from collections.abc import Mapping

FRENCH: Mapping[str, str] = {
    "it reads more than … counters: ask for a shorter range": (
        "elle lit plus de … compteurs : demandez une période plus courte"
    ),
    "it takes more than … s to read: ask for a shorter range": (
        "elle demande plus de … s de lecture : demandez une période plus courte"
    ),
    "the organisation is being answered such a wide question already: ask one after the other": (
        "l'organisation attend déjà la réponse à une question aussi large : posez-les l'une après l'autre"
    ),
    "wide questions of others are being answered: ask again, or a narrower one": (
        "des questions larges d'autres organisations sont en cours : redemandez, ou posez-en une plus étroite"
    ),
}

SPANISH: Mapping[str, str] = {
    "it reads more than … counters: ask for a shorter range": ("lee más de … contadores: pida un periodo más corto"),
    "it takes more than … s to read: ask for a shorter range": (
        "tarda más de … s en leerse: pida un periodo más corto"
    ),
    "the organisation is being answered such a wide question already: ask one after the other": (
        "la organización ya espera la respuesta a una pregunta tan amplia: hágalas una tras otra"
    ),
    "wide questions of others are being answered: ask again, or a narrower one": (
        "se están respondiendo preguntas amplias de otras organizaciones: vuelva a pedirlo, o haga una más estrecha"
    ),
}
