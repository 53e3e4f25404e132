"""The door: the only thing that faces the world, an ASGI app and a process of its own in front of Kestra.

It takes the webhooks at today's addresses and at Kestra's own, checks who sent them, answers with what intake decides, keeps
what has to be handed on in a file, and hands it to Kestra in order. No path is ever passed on. It holds no rule of the
campaign: without it Kestra's own webhooks still work.
"""
