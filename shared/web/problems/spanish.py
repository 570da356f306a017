"""Spanish titles and advice of the problems, for the pages that people read. Programs go by `type`, in any language."""

from collections.abc import Mapping

SPANISH: Mapping[str, tuple[str, str]] = {
    "invalid-request": (
        "La petición no se puede entender",
        "Corrija lo que nombra `detail` y envíela de nuevo.",
    ),
    "range-not-satisfiable": (
        "El archivo no tiene esos bytes",
        "Content-Range indica la longitud del archivo: pida un intervalo contenido en él, o el archivo entero.",
    ),
    "range-too-long": (
        "El periodo pedido es demasiado largo",
        "Pida un periodo más corto, en varias peticiones si hace falta.",
    ),
    "missing-credentials": (
        "Se necesita una clave API",
        "Envíe la cabecera `Authorization: Bearer SU_CLAVE_API`.",
    ),
    "invalid-key": (
        "Esta clave API no es válida",
        "Compruebe que la clave se copió entera: grl_ y 49 letras y cifras. "
        "Una clave eliminada recibe la misma respuesta.",
    ),
    "key-revoked": (
        "Esta clave fue revocada",
        "Una revocación es definitiva. Cree una clave nueva y use esa.",
    ),
    "key-suspended": (
        "Esta clave está suspendida",
        "Pida a un administrador de su organización que la reactive.",
    ),
    "key-expired": (
        "Esta clave ha caducado",
        "Cree una clave nueva o diríjase a un administrador de su organización.",
    ),
    "key-rotated": (
        "Este secreto fue sustituido",
        "La clave tiene un secreto más reciente: use ese. Si no lo tiene, pida a un administrador que rote la clave.",
    ),
    "insufficient-permission": (
        "A la clave le falta un permiso",
        "Use una clave con el permiso que nombra `detail`. Una clave existente solo lo recibe con un secreto nuevo.",
    ),
    "address-not-allowed": (
        "La clave no se puede usar desde esta dirección",
        "Llame desde una dirección que la clave autorice, o haga cambiar sus direcciones autorizadas.",
    ),
    "network-not-allowed": (
        "La clave no abre esta red",
        "Pida una red que la clave abra; GET /v1/keys/self las nombra. O haga cambiar las redes de la clave.",
    ),
    "beyond-own-bounds": (
        "Una clave no da más de lo que tiene",
        "La clave que llama caduca, o tiene límites o direcciones propios, que limitan toda clave que cree, renueve o "
        "amplíe. Quédese dentro de lo que nombra `detail`, o use una clave sin ese límite.",
    ),
    "outside-organisation": (
        "Esto no pertenece a su organización",
        "Compruebe el identificador. GET /v1/networks, GET /v1/sensors y GET /v1/events listan lo que ve la clave.",
    ),
    "not-found": (
        "Aquí no hay nada",
        "Compruebe la ruta y el identificador; quizá se eliminó.",
    ),
    "method-not-allowed": (
        "Este método no se admite aquí",
        "Use uno de los que indica la cabecera Allow.",
    ),
    "conflict": (
        "El cambio no es posible en el estado actual",
        "Lea de nuevo el recurso y decida si repite el cambio.",
    ),
    "in-use": (
        "Otra cosa aún lo necesita",
        "Cambie o elimine lo que nombra `detail`, para que ya no lo necesite, y vuelva a intentarlo.",
    ),
    "regeneration-required": (
        "El cambio necesita un secreto nuevo",
        "Envíe con él `regenerate: true`. La respuesta contiene entonces un secreto nuevo, y los anteriores dejan de "
        "funcionar.",
    ),
    "lock-out": (
        "El cambio dejaría a alguien sin acceso",
        "Asegúrese antes de que queda otra clave Admin y de que la suya conserva su acceso; o repita el cambio con "
        "`?force=true`. Una organización sin claves Admin solo obtiene una del operador.",
    ),
    "too-many-keys": (
        "La organización tiene tantas claves activas como permite su nivel",
        "Revoque las claves que ya no hacen falta, o pase a un nivel superior.",
    ),
    "precondition-failed": (
        "El recurso cambió desde que usted lo leyó",
        "Léalo de nuevo y repita el cambio con el nuevo ETag en If-Match.",
    ),
    "body-too-large": ("El cuerpo es demasiado grande", "Envíe como máximo 64 KiB."),
    "uri-too-long": ("La URL es demasiado larga", "Envíe como máximo 8.000 caracteres."),
    "unsupported-media-type": ("El cuerpo no es JSON", "Envíe `Content-Type: application/json`."),
    "invalid-body": ("El cuerpo no es válido", "`errors` dice qué está mal y dónde, por puntero JSON."),
    "quota-exceeded": (
        "Demasiadas peticiones",
        "Espere los segundos que indica Retry-After. Envíe menos peticiones, o use lotes.",
    ),
    "headers-too-large": (
        "Las cabeceras son demasiado grandes",
        "Envíe como máximo 100, de 8.000 caracteres cada una.",
    ),
    "internal-error": (
        "Algo falló por nuestra parte",
        "Inténtelo de nuevo. Si vuelve a ocurrir, envíenos el request_id.",
    ),
    "http-version-not-supported": ("Aquí no se habla esta versión de HTTP", "Hable HTTP/1.1."),
    "gate-not-fresh": (
        "Las claves API no se pueden comprobar en este momento",
        "Inténtelo de nuevo después de los segundos que indica Retry-After.",
    ),
    "log-diverged": (
        "Las claves no se comprueban hasta que un operador lo haya revisado",
        "El registro de claves se devolvió a un estado anterior: no se acepta ni se cambia ninguna clave. "
        "Inténtelo más tarde: antes un operador debe decir qué vale ahora.",
    ),
    "clock-in-doubt": (
        "El reloj del servidor puede estar mal: no se fija ningún vencimiento",
        "Pídalo sin vencimiento ni plazo, o inténtelo más tarde: un operador debe poner el reloj en hora, o decir "
        "que lo está (`grillo clock accept`). Todo lo demás continúa, ante todo las revocaciones.",
    ),
    "unavailable": (
        "Esto no se puede responder en este momento",
        "Inténtelo de nuevo después de los segundos que indica Retry-After.",
    ),
}
