"""RabbitMQ through nameko and kombu, and their in-memory stand-in. Nothing else in shared knows of either."""

import warnings

# nameko stands on eventlet, which announces its end at every import. We know, see docs/decisions; operators need not.
warnings.filterwarnings("ignore", message="(?s).*Eventlet is deprecated")
