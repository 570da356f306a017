"""French titles and advice of the problems, for the pages that people read. Programs go by `type`, in any language."""

from collections.abc import Mapping

FRENCH: Mapping[str, tuple[str, str]] = {
    "invalid-request": (
        "La requête ne peut pas être comprise",
        "Corrigez ce que nomme `detail`, puis renvoyez la requête.",
    ),
    "range-too-long": (
        "La période demandée est trop longue",
        "Demandez une période plus courte, en plusieurs fois s'il le faut.",
    ),
    "missing-credentials": (
        "Une clé API est nécessaire",
        "Envoyez l'en-tête `Authorization: Bearer VOTRE_CLE_API`.",
    ),
    "invalid-key": (
        "Cette clé n'est pas une des nôtres",
        "Vérifiez que la clé a été copiée en entier : grl_ et 49 lettres et chiffres. "
        "Une clé supprimée donne la même réponse.",
    ),
    "key-revoked": (
        "Cette clé a été révoquée",
        "Une révocation est définitive. Créez une nouvelle clé et utilisez-la.",
    ),
    "key-suspended": (
        "Cette clé est suspendue",
        "Demandez à un administrateur de votre organisation de la réactiver.",
    ),
    "key-expired": (
        "Cette clé a expiré",
        "Créez une nouvelle clé, ou adressez-vous à un administrateur de votre organisation.",
    ),
    "insufficient-permission": (
        "Il manque une permission à la clé",
        "Utilisez une clé qui a la permission nommée par `detail` ; "
        "une clé existante ne la reçoit qu'avec un nouveau secret.",
    ),
    "address-not-allowed": (
        "La clé ne peut pas être utilisée depuis cette adresse",
        "Appelez depuis une adresse que la clé autorise, ou faites changer ses adresses autorisées.",
    ),
    "outside-organisation": (
        "Cette ressource n'est pas à votre organisation",
        "Vérifiez l'identifiant ; GET /v1/sensors et GET /v1/events listent ce qu'a votre organisation.",
    ),
    "not-found": (
        "Il n'y a rien ici",
        "Vérifiez le chemin et l'identifiant ; la ressource a peut-être été supprimée.",
    ),
    "method-not-allowed": (
        "Cette méthode n'existe pas ici",
        "Utilisez une de celles que nomme l'en-tête Allow.",
    ),
    "conflict": (
        "Le changement contredit l'état présent",
        "Relisez la ressource, puis décidez.",
    ),
    "regeneration-required": (
        "Le changement exige un nouveau secret",
        "Envoyez `regenerate: true` avec lui : la réponse contient alors un nouveau secret, et les anciens cessent.",
    ),
    "precondition-failed": (
        "La ressource a changé depuis que vous l'avez lue",
        "Relisez-la, décidez de nouveau, et envoyez le nouvel ETag dans If-Match.",
    ),
    "too-many-keys": (
        "L'organisation a autant de clés actives que son offre le permet",
        "Révoquez les clés qui ne servent plus, ou passez à une offre supérieure.",
    ),
    "body-too-large": ("Le corps est trop grand", "Envoyez 64 Kio au plus."),
    "unsupported-media-type": ("Le corps n'est pas du JSON", "Envoyez `Content-Type: application/json`."),
    "invalid-body": (
        "Le corps ne convient pas",
        "`errors` dit, par pointeur JSON, ce qui ne va pas et où.",
    ),
    "quota-exceeded": (
        "Une limite est épuisée",
        "Attendez Retry-After secondes ; appelez moins souvent ; groupez vos demandes.",
    ),
    "internal-error": (
        "Quelque chose s'est cassé",
        "Réessayez ; si cela persiste, communiquez-nous le request_id.",
    ),
    "gate-not-fresh": (
        "Cette porte n'est pas sûre de l'état des clés en ce moment",
        "Réessayez après Retry-After secondes.",
    ),
    "unavailable": (
        "Il n'est pas possible de répondre en ce moment",
        "Réessayez après Retry-After secondes.",
    ),
}
