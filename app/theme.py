"""The look of the page, as far as gradio draws it. What the views add is in style.css."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes.utils import colors, fonts, sizes


def theme() -> gr.themes.Base:
    """Quiet greys, so that the only colours on the page are data. Fonts are served by gradio itself.

    Bold is 700: gradio 6.31's file of weight 600 lacks most letters.
    """
    return gr.themes.Base(
        primary_hue=colors.slate,
        secondary_hue=colors.slate,
        neutral_hue=colors.slate,
        spacing_size=sizes.spacing_sm,
        radius_size=sizes.radius_md,
        text_size=sizes.text_md,
        font=(
            fonts.LocalFont("IBM Plex Sans", weights=(400, 700)),
            "ui-sans-serif",
            "system-ui",
            "sans-serif",
        ),
        font_mono=(fonts.LocalFont("IBM Plex Mono", weights=(400, 700)), "ui-monospace", "monospace"),
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_800",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_label_text_color="*neutral_700",
        block_label_text_color_dark="*neutral_200",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_shadow="none",
        button_primary_background_fill="*neutral_800",
        button_primary_background_fill_hover="*neutral_700",
        button_primary_text_color="white",
        button_primary_background_fill_dark="*neutral_200",
        button_primary_background_fill_hover_dark="white",
        button_primary_text_color_dark="*neutral_900",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        slider_color="*neutral_600",
        slider_color_dark="*neutral_300",
        color_accent="*neutral_700",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
        checkbox_border_color_hover="*neutral_700",
        checkbox_border_color_hover_dark="*neutral_200",
        checkbox_border_color_selected_dark="*neutral_200",
        loader_color="*neutral_600",
        loader_color_dark="*neutral_300",
        layout_gap="*spacing_xxl",
    )


HERE = Path(__file__).parent


def styles() -> list[Path]:
    """The style sheets: the page's, with the colours of "initial" and "refined", then each view's own."""
    return [HERE / "style.css", *sorted((HERE / "styles").glob("*.css"))]


TOGGLE_DARK = "() => { document.body.classList.toggle('dark'); }"
"""What the Light / Dark button runs, in the browser."""
