"""The door: an ASGI application in its own process in front of Kestra, and the only process that the internet can reach.

The door accepts webhooks at the public paths and at Kestra's own webhook paths. It checks who sent each call and answers with
the decision of intake. It stores each accepted call in a file, and forwards the stored calls to Kestra in order of arrival.
The door never passes a request path on, and holds no rule of the campaign: Kestra's webhooks also work without it.
"""
