"""A client of Valkey for what somebody waits for: it would rather go without than wait."""

from redis.asyncio import BlockingConnectionPool, Redis

CONNECTIONS = 10


def impatient(redis_url: str, seconds: float) -> Redis:
    """Opens its connections when they are needed. Every wait, for one of them too, ends after so many seconds."""
    pool: BlockingConnectionPool = BlockingConnectionPool.from_url(
        redis_url,
        max_connections=CONNECTIONS,
        timeout=seconds,
        socket_timeout=seconds,
        socket_connect_timeout=seconds,
    )
    return Redis.from_pool(pool)
