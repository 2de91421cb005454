"""One request to one API server, with patience. Knows no objects: `http` has those.

- `ask`: a request and an answer as values; `transport`: sends the one and returns the other
- `retry`: what is safe to try again, and after how long; `pace`: how much is asked at once
- `refusals`: what a Status means; `lines`: of answers that are read as they come
- `connections`: how they are made and what their breaking means; `proxies`: which one lies on the way;
  `tunnels`, `socks`: through one, for what is not HTTP
"""
