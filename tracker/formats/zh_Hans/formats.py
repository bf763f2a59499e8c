# Chinese running text sets a space between digits and characters; tables use ISO dates by their own format strings.
DATE_FORMAT = "Y 年 n 月 j 日"
MONTH_DAY_FORMAT = "n 月 j 日"
