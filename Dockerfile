# The Explorer on a CPU. docker build -t mtcp-explorer . && docker run --rm -p 7860:7860 mtcp-explorer
FROM python:3.12-slim-bookworm

# The user owns its home (caches) and runs/; the program is root's, so that the server cannot change itself.
RUN useradd --create-home --uid 1000 explorer \
    && mkdir /home/explorer/app \
    && install -d -o explorer -g explorer /home/explorer/app/runs
WORKDIR /home/explorer/app

COPY requirements.txt ./
# torch from its own CPU index first: PyPI's brings gigabytes of CUDA
RUN pip install --no-cache-dir --index-url https://download.pytorch.org/whl/cpu "torch>=2.8,<2.12" "torchvision>=0.23,<0.27" \
    && pip install --no-cache-dir -r requirements.txt

COPY app.py ./
COPY app app
COPY mtcp mtcp
COPY checkpoints checkpoints

USER explorer
ENV GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=90s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:7860/gradio_api/queue/status', timeout=8)"]
CMD ["python", "app.py", "--device", "cpu"]
