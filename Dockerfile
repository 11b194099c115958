FROM python:3.11-slim
WORKDIR /app
COPY requirements.lock .
RUN pip install --no-cache-dir --no-deps --require-hashes -r requirements.lock \
    && useradd --system --create-home --home-dir /var/lib/sports-for-all house
COPY . .
USER house
ENV PYTHONUNBUFFERED=1
EXPOSE 8000
CMD ["python", "-m", "bff", "web"]
