"""The ablation of MT-CP: a grid of rows as data, trained by the project's own trainer, and its report."""
