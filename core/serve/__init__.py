"""The local server with OpenAI's interface: parsing, a fair queue, decoding, and its process."""
