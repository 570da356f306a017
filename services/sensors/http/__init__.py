"""HTTP resources of the sensor data API, in the product's form of answers (product_form.py), and their schemas."""
