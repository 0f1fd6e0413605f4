"""Image generation: a prompt goes to ComfyUI, and a picture comes back."""
