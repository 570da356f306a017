"""What is wrong with an import of keys, or with how many requests come at once; in the form of french.py."""

from collections.abc import Mapping

FRENCH: Mapping[str, str] = {
    "must be 64 hexadecimal digits, in lower case": "doit être 64 chiffres hexadécimaux, en minuscules",
    "a key has or had this secret: let the other system make a new one": (
        "une clé a ou a eu ce secret : faites-en faire un autre par l'autre système"
    ),
    "no other system's keys are let in: the operator sets FOREIGN_KEY_FORMS": (
        "aucune clé d'un autre système n'est admise : l'exploitant définit FOREIGN_KEY_FORMS"
    ),
    "as many requests of this key as are allowed at the same time are being answered": (
        "autant de requêtes de cette clé qu'il en est permis en même temps sont en cours de réponse"
    ),
}

SPANISH: Mapping[str, str] = {
    "must be 64 hexadecimal digits, in lower case": "debe ser 64 cifras hexadecimales, en minúsculas",
    "a key has or had this secret: let the other system make a new one": (
        "una clave tiene o tuvo este secreto: haga que el otro sistema genere otro"
    ),
    "no other system's keys are let in: the operator sets FOREIGN_KEY_FORMS": (
        "no se admiten claves de otro sistema: el operador define FOREIGN_KEY_FORMS"
    ),
    "as many requests of this key as are allowed at the same time are being answered": (
        "se están respondiendo tantas peticiones de esta clave como se permiten al mismo tiempo"
    ),
}
