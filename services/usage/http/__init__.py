"""What the HTTP resources of usage share: how refusals become problems, and the schemas of the usage API.

Start reading at problem_mapping.py.
"""
