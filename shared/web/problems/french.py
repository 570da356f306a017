"""French titles and advice of the problems, for the pages that people read. Programs go by `type`, in any language."""

from collections.abc import Mapping

FRENCH: Mapping[str, tuple[str, str]] = {
    "invalid-request": (
        "La requête ne peut pas être comprise",
        "Corrigez ce qu'indique `detail`, puis renvoyez la requête.",
    ),
    "range-not-satisfiable": (
        "Le fichier n'a pas ces octets",
        "Content-Range indique la longueur du fichier : demandez une plage qui y est contenue, ou le fichier entier.",
    ),
    "range-too-long": (
        "La période demandée est trop longue",
        "Demandez une période plus courte, en plusieurs requêtes s'il le faut.",
    ),
    "missing-credentials": (
        "Une clé API est nécessaire",
        "Envoyez l'en-tête `Authorization: Bearer VOTRE_CLE_API`.",
    ),
    "invalid-key": (
        "Cette clé API n'est pas valide",
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
    "key-rotated": (
        "Ce secret a été remplacé",
        "La clé a un secret plus récent : utilisez-le. Si vous ne l'avez pas, demandez à un administrateur "
        "de faire une rotation de la clé.",
    ),
    "insufficient-permission": (
        "Il manque une permission à la clé",
        "Utilisez une clé qui a la permission indiquée par `detail` ; "
        "une clé existante ne la reçoit qu'avec un nouveau secret.",
    ),
    "address-not-allowed": (
        "La clé ne peut pas être utilisée depuis cette adresse",
        "Appelez depuis une adresse que la clé autorise, ou faites changer ses adresses autorisées.",
    ),
    "network-not-allowed": (
        "La clé n'ouvre pas ce réseau",
        "Demandez un réseau que la clé ouvre ; GET /v1/keys/self les nomme. Ou faites changer les réseaux de la clé.",
    ),
    "beyond-own-bounds": (
        "Une clé ne donne pas plus qu'elle n'a elle-même",
        "La clé appelante expire, ou a des limites ou des adresses autorisées, qui bornent toute clé qu'elle crée, "
        "renouvelle ou étend. Restez dans ce qu'indique `detail`, ou utilisez une clé sans cette borne.",
    ),
    "outside-organisation": (
        "Cette ressource n'appartient pas à votre organisation",
        "Vérifiez l'identifiant ; GET /v1/networks, GET /v1/sensors et GET /v1/events donnent ce que la clé peut voir.",
    ),
    "not-found": (
        "Il n'y a rien ici",
        "Vérifiez le chemin et l'identifiant ; la ressource a peut-être été supprimée.",
    ),
    "method-not-allowed": (
        "Cette méthode n'est pas prise en charge ici",
        "Utilisez une de celles qu'indique l'en-tête Allow.",
    ),
    "conflict": (
        "La modification n'est pas possible dans l'état actuel",
        "Relisez la ressource, puis décidez s'il faut refaire la modification.",
    ),
    "in-use": (
        "Cette ressource sert encore",
        "Modifiez ou supprimez ce qu'indique `detail`, pour que rien n'en ait plus besoin, puis réessayez.",
    ),
    "regeneration-required": (
        "La modification exige un nouveau secret",
        "Ajoutez-y `regenerate: true` : la réponse contient alors un nouveau secret, et les anciens ne marchent plus.",
    ),
    "precondition-failed": (
        "La ressource a changé depuis que vous l'avez lue",
        "Relisez-la, puis refaites la modification avec le nouvel ETag dans If-Match.",
    ),
    "lock-out": (
        "Ce changement fermerait l'accès à quelqu'un",
        "Assurez-vous d'abord qu'une autre clé admin reste, et que la vôtre garde son accès ; ou répétez le changement "
        "avec `?force=true`. Seul l'exploitant peut donner une clé admin à une organisation qui n'en a plus.",
    ),
    "too-many-keys": (
        "L'organisation a autant de clés actives que son offre le permet",
        "Révoquez les clés qui ne servent plus, ou passez à une offre supérieure.",
    ),
    "body-too-large": ("Le corps de la requête est trop grand", "Envoyez au plus 64 Kio."),
    "uri-too-long": ("L'URL est trop longue", "Envoyez au plus 8 000 caractères."),
    "unsupported-media-type": ("Le corps de la requête n'est pas du JSON", "Envoyez `Content-Type: application/json`."),
    "invalid-body": (
        "Le corps de la requête n'est pas valide",
        "`errors` indique ce qui ne va pas et où, par pointeur JSON.",
    ),
    "quota-exceeded": (
        "Trop de requêtes",
        "Attendez le nombre de secondes indiqué par Retry-After. Appelez moins souvent, ou groupez vos demandes.",
    ),
    "headers-too-large": (
        "Les en-têtes sont trop grands",
        "Envoyez-en au plus 100, de 8 000 caractères chacun.",
    ),
    "http-version-not-supported": ("Cette version de HTTP n'est pas prise en charge ici", "Utilisez HTTP/1.1."),
    "internal-error": (
        "Une erreur s'est produite de notre côté",
        "Réessayez. Si l'erreur se répète, communiquez-nous le request_id.",
    ),
    "gate-not-fresh": (
        "Les clés API ne peuvent pas être vérifiées en ce moment",
        "Réessayez après le nombre de secondes indiqué par Retry-After.",
    ),
    "log-diverged": (
        "Les clés ne sont pas vérifiées avant qu'un opérateur n'ait regardé",
        "Le journal des clés a été ramené à un état plus ancien : aucune clé n'est acceptée, aucune n'est modifiée. "
        "Réessayez plus tard : un opérateur doit d'abord dire ce qui vaut désormais.",
    ),
    "clock-in-doubt": (
        "L'horloge du serveur est peut-être fausse : rien ne reçoit d'échéance",
        "Demandez-le sans expiration ni délai, ou réessayez plus tard : un opérateur doit régler l'horloge, ou dire "
        "qu'elle est juste (`grillo clock accept`). Tout le reste continue, d'abord les révocations.",
    ),
    "unavailable": (
        "Il n'est pas possible de répondre en ce moment",
        "Réessayez après le nombre de secondes indiqué par Retry-After.",
    ),
}
