"""What schemas take and tell beyond marshmallow and apispec: fields, and refusals in words."""
