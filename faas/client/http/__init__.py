"""The Protocol `Client` over HTTPS.

- `client`: `HttpClient`; `server`: what it has of an API server beside objects
- `asks`: what each verb is as a request; `answers`: what may come back. Both are pure
- `watching`: following a kind across all that ends a watch; `creations`: whether what is there is what we made
"""
