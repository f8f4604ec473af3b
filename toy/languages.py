"""The languages of the views and of the lessons, by the name that a link has for each."""

LANGUAGES = {"en": "English", "zh": "中文", "ko": "한국어"}
