"""What Scripts/perplexity.py, perplexity-mlx.py and perplexity-llama.py print: a line for each folder of their arguments."""
import sys


def report(perplexity):
    """Prints the perplexity of each folder, or 0 and why it has none.

    The arguments are a file with the text, the tokens of a window, and the folders; `perplexity` is called with a folder,
    the text and the tokens.
    """
    name, window, *folders = sys.argv[1:]
    with open(name) as file:
        text = file.read()
    for folder in folders:
        try:
            print(f"{perplexity(folder, text, int(window)):.5f}", flush=True)
        except Exception as error:
            print("0", " ".join(f"{type(error).__name__}: {error}".split())[:300], flush=True)
