"""Texts that people have suffered from in files: what programs run, take for a number or a date, cut or turn round."""

RUN = [  # a spreadsheet would reckon with them, or start something
    "=1+1",
    '=HYPERLINK("http://example.org","点我")',
    "=cmd|' /C calc'!A0",
    "+86 10",
    "-3-4",
    "-5",
    "@SUM(A1)",
    "\t=1+1",
    "'=1",
    "''-1",
]
TAKEN_FOR_ANOTHER = [  # a spreadsheet would make numbers, dates, truths and errors of them
    *("1234567890123456", "007", "0012", "3-4", "1/2", "1e5", "TRUE", "#N/A", "#REF!", "45%", "1,234.50", "￥5"),
    *("2026-11-22", "10:30", "２０２６", "＝1+1", "{=1+1}", "None", "nan", "NULL", "_x0041_", "&#65;", "\\n"),
]
HARD = [  # to be kept as they are
    "第一行\n第二行\n\n第四行",
    "\n=1+1",
    '他说"好"，',
    '"',
    "逗号,顿号、;分号",
    "制表\t符",
    "'单引号",
    " 前后空格 ",
    "\u3000全角空格",
    "不换行\u00a0空格",
    "\u202e从右向左\u202c",
    "\u200f右",
    "😀 👩\u200d🔧",
    "𠮷野家 𠮷",
    "<b>&amp;</b>",
    "é e\u0301",
]
ALL = [*RUN, *TAKEN_FOR_ANOTHER, *HARD]
