"""Compile tables/cities.csv from the third-party place tables: `compile_places.py DATA_DIR`.

GB/T 2260 (`china_admin`) gives the units, GeoNames identifiers, coordinates and population,
Natural Earth the Wikidata items. A name matches only inside its province and only where one
candidate is left; what stays open is printed and left empty, never guessed.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

Row = dict[str, str]

TABLE = Path(__file__).parent.parent / "tables" / "cities.csv"
COLUMNS = (
    "slug", "level", "name_en", "name_zh", "gb_code", "geonames", "wikidata", "parents", "lat",
    "long", "population", "aliases", "source", "note", "iso", "geonames_also",
    "city_aliases",
)  # fmt: skip

#: Slugs of the provinces, as in ontology/vocabularies/provinces.ttl.
PROVINCES = {
    "11": "beijing", "12": "tianjin", "13": "hebei", "14": "shanxi", "15": "inner-mongolia",
    "21": "liaoning", "22": "jilin", "23": "heilongjiang", "31": "shanghai", "32": "jiangsu",
    "33": "zhejiang", "34": "anhui", "35": "fujian", "36": "jiangxi", "37": "shandong",
    "41": "henan", "42": "hubei", "43": "hunan", "44": "guangdong", "45": "guangxi",
    "46": "hainan", "50": "chongqing", "51": "sichuan", "52": "guizhou", "53": "yunnan",
    "54": "tibet", "61": "shaanxi", "62": "gansu", "63": "qinghai", "64": "ningxia",
    "65": "xinjiang",
}  # fmt: skip
MUNICIPALITIES = ("11", "12", "31", "50")

#: English names of prefecture-level units where GeoNames has none, has the name of the seat,
#: spells it otherwise than usual today, or has several places of that name.
ENGLISH = {
    "1506": "Ordos", "1507": "Hulunbuir", "1508": "Bayannur", "1509": "Ulanqab",
    "1522": "Hinggan League", "1525": "Xilingol League", "1529": "Alxa League", "2105": "Benxi",
    "2202": "Jilin City", "2204": "Liaoyuan", "2224": "Yanbian Korean Autonomous Prefecture",
    "2327": "Daxing'anling Prefecture", "3203": "Xuzhou", "3410": "Huangshan", "4109": "Puyang",
    "4206": "Xiangyang", "4207": "Ezhou", "4211": "Huanggang",
    "4228": "Enshi Tujia and Miao Autonomous Prefecture", "4309": "Yiyang",
    "4331": "Xiangxi Tujia and Miao Autonomous Prefecture", "4510": "Baise", "4603": "Sansha",
    "4604": "Danzhou", "5132": "Aba Tibetan and Qiang Autonomous Prefecture",
    "5133": "Garze Tibetan Autonomous Prefecture", "5134": "Liangshan Yi Autonomous Prefecture",
    "5202": "Liupanshui", "5223": "Qianxinan Buyei and Miao Autonomous Prefecture",
    "5226": "Qiandongnan Miao and Dong Autonomous Prefecture",
    "5227": "Qiannan Buyei and Miao Autonomous Prefecture", "5308": "Pu'er",
    "5323": "Chuxiong Yi Autonomous Prefecture",
    "5325": "Honghe Hani and Yi Autonomous Prefecture",
    "5326": "Wenshan Zhuang and Miao Autonomous Prefecture",
    "5328": "Xishuangbanna Dai Autonomous Prefecture", "5329": "Dali Bai Autonomous Prefecture",
    "5331": "Dehong Dai and Jingpo Autonomous Prefecture",
    "5333": "Nujiang Lisu Autonomous Prefecture", "5334": "Diqing Tibetan Autonomous Prefecture",
    "5402": "Shigatse", "5403": "Qamdo", "5404": "Nyingchi", "5405": "Shannan", "5406": "Nagqu",
    "5425": "Ngari Prefecture", "6102": "Tongchuan", "6108": "Yulin",
    "6229": "Linxia Hui Autonomous Prefecture", "6230": "Gannan Tibetan Autonomous Prefecture",
    "6302": "Haidong", "6322": "Haibei Tibetan Autonomous Prefecture",
    "6323": "Huangnan Tibetan Autonomous Prefecture",
    "6325": "Hainan Tibetan Autonomous Prefecture", "6326": "Golog Tibetan Autonomous Prefecture",
    "6327": "Yushu Tibetan Autonomous Prefecture",
    "6328": "Haixi Mongol and Tibetan Autonomous Prefecture", "6501": "Urumqi", "6502": "Karamay",
    "6504": "Turpan", "6505": "Hami", "6523": "Changji Hui Autonomous Prefecture",
    "6527": "Bortala Mongol Autonomous Prefecture",
    "6528": "Bayingolin Mongol Autonomous Prefecture", "6529": "Aksu Prefecture",
    "6530": "Kizilsu Kyrgyz Autonomous Prefecture", "6531": "Kashgar Prefecture",
    "6532": "Hotan Prefecture", "6540": "Ili Kazakh Autonomous Prefecture",
    "6542": "Tacheng Prefecture", "6543": "Altay Prefecture",
}  # fmt: skip


#: The same for county-level units, without the word for their kind.
COUNTY_ENGLISH = {
    "110116": "Huairou", "120112": "Jinnan", "140105": "Xiaodian", "140728": "Pingyao",
    "150206": "Bayan Obo Mining", "150221": "Tumed Right", "150403": "Yuanbaoshan",
    "150703": "Jalainur", "150723": "Oroqen", "150981": "Fengzhen", "152921": "Alxa Left",
    "152922": "Alxa Right", "152923": "Ejin", "210212": "Lüshunkou", "230604": "Ranghulu",
    "230726": "Nancha", "310115": "Pudong New Area", "310120": "Fengxian", "320115": "Jiangning",
    "320312": "Tongshan", "320481": "Liyang", "320581": "Changshu", "320612": "Tongzhou",
    "320623": "Rudong", "320703": "Lianyun", "320924": "Sheyang", "321081": "Yizheng",
    "330112": "Lin'an", "330211": "Zhenhai", "330521": "Deqing", "330522": "Changxing",
    "340124": "Lujiang", "341021": "Shexian", "341022": "Xiuning", "341023": "Yixian",
    "341882": "Guangde", "350782": "Wuyishan", "360681": "Guixi", "360981": "Fengcheng",
    "361021": "Nancheng", "361023": "Nanfeng", "361024": "Chongren", "361025": "Le'an",
    "361026": "Yihuang", "361027": "Jinxi", "361030": "Guangchang", "370116": "Laiwu",
    "370481": "Tengzhou", "370611": "Fushan", "370614": "Penglai", "370681": "Longkou",
    "370686": "Qixia", "370781": "Qingzhou", "371003": "Wendeng", "371082": "Rongcheng",
    "410181": "Gongyi", "411481": "Yongcheng", "420102": "Jiang'an", "420981": "Yingcheng",
    "421002": "Shashi", "421102": "Huangzhou", "421125": "Xishui", "422822": "Jianshi",
    "430181": "Liuyang", "430281": "Liling", "430624": "Xiangyin", "430721": "Anxiang",
    "430921": "Nanxian", "430981": "Yuanjiang", "440105": "Haizhu", "440113": "Panyu",
    "440305": "Nanshan", "440311": "Guangming", "440515": "Chenghai", "440606": "Shunde",
    "440783": "Kaiping", "440785": "Enping", "441303": "Huiyang", "441581": "Lufeng",
    "469007": "Dongfang", "469023": "Chengmai", "469029": "Baoting Li and Miao",
    "469030": "Qiongzhong Li and Miao", "500107": "Jiulongpo", "500112": "Yubei",
    "500115": "Changshou", "500116": "Jiangjin", "500229": "Chengkou", "500230": "Fengdu",
    "500231": "Dianjiang", "500233": "Zhongxian", "500236": "Fengjie", "500238": "Wuxi",
    "500240": "Shizhu Tujia", "500241": "Xiushan Tujia and Miao",
    "500242": "Youyang Tujia and Miao", "500243": "Pengshui Miao and Tujia", "510106": "Jinniu",
    "510821": "Wangcang", "510823": "Jiange", "520322": "Tongzi", "530425": "Yimen",
    "532504": "Mile", "532601": "Wenshan", "533103": "Mangshi", "540202": "Samzhubze",
    "540228": "Bainang", "542523": "Gar", "610304": "Chencang", "610403": "Yangling",
    "610723": "Yangxian", "610725": "Mianxian", "610726": "Ningqiang", "610727": "Lüeyang",
    "610921": "Hanyin", "610924": "Ziyang", "610925": "Langao", "620503": "Maiji",
    "620521": "Qingshui", "620522": "Qin'an", "620523": "Gangu", "620525": "Zhangjiachuan Hui",
    "620902": "Suzhou", "620981": "Yumen", "621221": "Chengxian", "621222": "Wenxian",
    "621223": "Dangchang", "621224": "Kangxian", "621225": "Xihe", "621227": "Huixian",
    "622901": "Linxia", "623021": "Lintan", "623022": "Jone", "623023": "Zhugqu", "623024": "Tewo",
    "623025": "Maqu", "623027": "Xiahe", "630121": "Datong Hui and Tu", "632521": "Gonghe",
    "632621": "Maqen", "632803": "Mangya", "640121": "Yongning", "640122": "Helan",
    "640181": "Lingwu", "650202": "Dushanzi", "652901": "Aksu", "652902": "Kuqa",
    "653001": "Artux", "653101": "Kashgar", "653201": "Hotan", "653224": "Lop", "653226": "Yutian",
    "654002": "Yining", "654004": "Khorgas", "654301": "Altay", "659003": "Tumxuk",
}  # fmt: skip

#: GeoNames features to which ROR refers and which no rule finds, with the unit they stand for
#: or lie in. Each was checked by name and coordinates: other ids in ROR are villages that
#: merely share a name with the organisation's city, and are left open.
FEATURES = {
    "1280623": "533103", "1280849": "653101", "1783934": "4114", "1784128": "4116",
    "1786373": "411481", "1786419": "4309", "1786731": "370781", "1787458": "610403",
    "1787824": "320312", "1789897": "410181", "1790274": "140105", "1790638": "3502",
    "1793037": "370481", "1795813": "421002", "1796810": "131082", "1801618": "3405",
    "1802550": "370681", "1803593": "330112", "1803848": "320703", "1804151": "5111",
    "1804539": "1310", "1804591": "370116", "1804862": "440783", "1806287": "320115",
    "1806421": "420102", "1807112": "421102", "1809458": "5201", "1814068": "2102",
    "1815454": "3204", "1815551": "4301", "1916136": "440305", "2036763": "110116",
    "2038176": "2201", "2038299": "2105", "2038389": "150206", "6571341": "440105",
    "6575196": "500107", "6642918": "510106", "6895574": "4404", "7066209": "350782",
    "7283386": "320581", "8053612": "1401", "8299319": "4601", "11876377": "440311",
}  # fmt: skip

#: Other names, and spellings that sources use, which no rule yields.
ALIASES = {
    "11": "Peking|Beijng", "12": "Tientsin", "1301": "Shijianzhuang",
    "1411": "Lvliang|Luliang", "1501": "Huhehaote|Huhhot", "1506": "Erdos",
    "1508": "Bayan Nur", "2101": "Shenyeng|Mukden", "2202": "Kirin City", "2301": "Haerbin",
    "2302": "Qiqihaer", "3201": "Nanking", "3205": "Soochow", "3302": "Ningpo", "3502": "Amoy",
    "3702": "Tsingtao", "4206": "Xiangfan|襄樊", "4401": "Canton", "4510": "Bose",
    "50": "Chungking", "5101": "Chengtu", "5133": "Garzê", "5308": "Simao|思茅", "5401": "Lasa",
    "5402": "Xigaze|Xigazê|Rikaze", "5403": "Chamdo", "5404": "Linzhi", "5405": "Lhoka",
    "5406": "Nagchu", "6101": "Xian|Sian|长安", "6501": "Urumchi|Wulumuqi", "6540": "Yili|伊犁",
    "81": "Hong Kong SAR|Hongkong|香港", "82": "Macau|Macao SAR|Macau SAR|澳门",
}  # fmt: skip

#: Items of cities that are districts now.
FORMER = ("Q373234",)  # Laiwu

#: Cities that GeoNames or Natural Earth call by the seat's name, which is no name of the city.
SEATS = ("2204", "3208", "4309", "4604", "5404", "6302")

#: Places inside a city that sources name in its stead: they are found, but are no names of it.
INSIDE = {"4404": "Hengqin|横琴", "81": "Hong Kong Disneyland"}

NOTES = {
    "11": "alias Beijng: so spelt in one source",
    "2101": "alias Shenyeng: so spelt in Natural Earth",
    "81": "special administrative region and area of ISO 3166-1",
    "82": "special administrative region and area of ISO 3166-1",
    "330521": "a county with a national pilot zone",
}

_PEOPLES = (
    "朝鲜族|土家族|苗族|藏族|羌族|彝族|布依族|侗族|哈尼族|壮族|傣族|白族|景颇族|傈僳族|回族|黎族|"
    "瑶族|畲族|满族|锡伯族|裕固族|保安族|东乡族|撒拉族|土族|纳西族|拉祜族|佤族|普米族|独龙族|怒族|"
    "布朗族|仡佬族|水族|毛南族|仫佬族|达斡尔族|蒙古族|各族|蒙古|哈萨克|柯尔克孜|塔吉克"
)
#: The words after the bare name, as in 恩施|土家族苗族自治州, 乌鲁木齐|市, 德清|县.
_KIND = re.compile(rf"((?:{_PEOPLES})+自治[州县]|自治旗|特别行政区|地区|[市盟县区旗])$")
_COUNTY_KINDS = (
    ("自治县", " Autonomous County"), ("自治旗", " Autonomous Banner"), ("县", " County"),
    ("旗", " Banner"), ("区", " District"), ("市", ""),
)  # fmt: skip
#: How far, in km, a county may lie from the seat of its city, and two sources' points apart.
_COUNTY_REACH = 200.0
_SAME_PLACE = 60.0


@dataclass
class Unit:
    """An administrative unit and what the sources say of it."""

    code: str
    name_zh: str
    level: str
    name_en: str = ""
    geonames: str = ""
    also: list[str] = field(default_factory=list)
    lat: str = ""
    long: str = ""
    population: str = ""
    wikidata: str = ""
    spellings: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=lambda: ["china_admin"])

    @property
    def stem(self) -> str:
        """The Chinese name without the words for its kind, where two characters remain."""
        bare = _KIND.sub("", self.name_zh)
        return bare if len(bare) > 1 else self.name_zh

    @property
    def is_prefecture(self) -> bool:
        """Whether it is a prefecture that is no city: its seat is a county-level unit."""
        return self.level == "City" and self.name_zh.endswith(("州", "盟", "地区"))


def main() -> None:
    """Write the table and print what stayed open."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--output", type=Path, default=TABLE, metavar="FILE")
    arguments = parser.parse_args()
    data: Path = arguments.data
    cities, counties = read_units(data)
    places = read_csv(data / "geonames_cn" / "geonames_cn_cities15000.csv")
    add_geonames(cities, counties, chinese_names(places))
    add_features(cities + counties, places, data)
    found = cities + [county for county in counties if county.geonames]
    add_wikidata(found, data)
    check_pilot_zones(found, data)
    write(found, arguments.output)
    report(found, data)


def read_csv(path: Path) -> list[Row]:
    """All rows of a CSV table."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def read_units(data: Path) -> tuple[list[Unit], list[Unit]]:
    """The units at city level (prefectures, municipalities, SARs), and the county-level units."""
    folder = data / "china_admin"
    provinces = read_csv(folder / "provinces.csv")
    cities = [Unit(r["code"], r["name"], "City") for r in provinces if r["code"] in MUNICIPALITIES]
    for row in read_csv(folder / "cities.csv"):
        if row["name"] not in ("市辖区", "县") and not row["name"].endswith("行政区划"):
            cities.append(Unit(row["code"], row["name"], "City"))
    cities.append(Unit("81", "香港特别行政区", "City", "Hong Kong", sources=[]))
    cities.append(Unit("82", "澳门特别行政区", "City", "Macao", sources=[]))
    codes = {city.code.ljust(6, "0") for city in cities}  # 儋州 has itself as its only county
    areas = read_csv(folder / "areas.csv")
    return cities, [Unit(r["code"], r["name"], "County") for r in areas if r["code"] not in codes]


def chinese_names(places: list[Row]) -> dict[str, list[Row]]:
    """GeoNames places by each of their Chinese names."""
    by_name: dict[str, list[Row]] = defaultdict(list)
    for place in places:
        for name in dict.fromkeys(place["alternatenames"].split("|")):
            if re.fullmatch(r"[\u3400-\u9fff]+", name):
                by_name[name].append(place)
    return by_name


def add_geonames(cities: list[Unit], counties: list[Unit], by_name: dict[str, list[Row]]) -> None:
    """Give each unit the one GeoNames place that bears its name in its province."""
    province_of = match_provinces(cities, by_name)

    def candidates(unit: Unit) -> list[Row]:
        named = by_name[unit.name_zh] + by_name[unit.stem]
        there = [place for place in named if _province(place, province_of) == unit.code[:2]]
        return list({place["geonameid"]: place for place in there}.values())

    for city in cities:
        # GeoNames has the seats of prefectures, which are units of their own here.
        found = candidates(city) if not city.is_prefecture else []
        if len(found) > 1:
            found = [
                place for place in found if place["name"] == ENGLISH.get(city.code, city.name_en)
            ]
        if city.code in MUNICIPALITIES or city.code in ("81", "82"):
            found = sorted(
                found or by_name[city.stem], key=lambda place: -int(place["population"])
            )[:1]
        if len(found) == 1:
            _take(city, found[0])
    seats = {city.code: city for city in cities}
    taken = {city.geonames for city in cities}
    chosen: dict[str, list[tuple[Unit, Row]]] = defaultdict(list)
    for county in counties:
        found = [place for place in candidates(county) if place["geonameid"] not in taken]
        seat = seats.get(county.code[:4])
        if len(found) == 1 and (
            seat is None or not seat.geonames or _km(seat, found[0]) < _COUNTY_REACH
        ):
            chosen[found[0]["geonameid"]].append((county, found[0]))
    for rivals in chosen.values():
        # 和田市 and 和田县 share a name and a seat: the town is the county-level city.
        towns = [pair for pair in rivals if len(rivals) == 1 or pair[0].name_zh.endswith("市")]
        if len(towns) == 1:
            _take(*towns[0])
    for unit in cities + counties:
        unit.name_en = _english(unit)


def match_provinces(cities: list[Unit], by_name: dict[str, list[Row]]) -> dict[str, str]:
    """GeoNames's admin1 codes -> GB/T 2260, from cities whose name only one place bears.

    Raises ValueError where those pairs are not a one-to-one mapping of all provinces.
    """
    pairs: set[tuple[str, str]] = set()
    for city in cities:
        found = {place["geonameid"]: place for place in by_name[city.stem] + by_name[city.name_zh]}
        if city.code in MUNICIPALITIES:
            largest = max(found.values(), key=lambda place: int(place["population"]))
            pairs.add((largest["admin1code"], city.code))
        elif len(found) == 1 and city.name_zh.endswith("市"):
            pairs.update((place["admin1code"], city.code[:2]) for place in found.values())
    mapping = dict(pairs)
    if len(mapping) != len(pairs) or sorted(mapping.values()) != sorted(PROVINCES):
        raise ValueError(f"GeoNames admin1 codes and provinces are not one to one: {sorted(pairs)}")
    return mapping


def _province(place: Row, province_of: dict[str, str]) -> str:
    sars = {"HK": "81", "MO": "82"}
    return sars.get(place["countrycode"]) or province_of.get(place["admin1code"], "")


def _take(unit: Unit, place: Row) -> None:
    unit.geonames, unit.population = place["geonameid"], place["population"]
    unit.lat, unit.long = place["latitude"], place["longitude"]
    unit.name_en = unit.name_en or place["name"]
    unit.spellings.append(place["name"])
    unit.sources.append("geonames")


def _english(unit: Unit) -> str:
    if unit.level == "City":
        return ENGLISH.get(unit.code) or unit.name_en.replace("’", "'")
    bare = COUNTY_ENGLISH.get(unit.code) or unit.name_en.replace("’", "'")
    kind = next((word for ending, word in _COUNTY_KINDS if unit.name_zh.endswith(ending)), "")
    return bare if not bare or bare.endswith(("Area", kind or "\n")) else bare + kind


def add_features(units: list[Unit], places: list[Row], data: Path) -> None:
    """Add the features of FEATURES, with ROR's coordinates where GeoNames's extract has none."""
    by_code = {unit.code: unit for unit in units}
    by_id = {place["geonameid"]: place for place in places}
    rows = {row["geonames"]: row for row in read_csv(data / "ror_cn" / "ror_cn_organizations.csv")}
    for feature, code in FEATURES.items():
        unit = by_code[code]
        if unit.geonames:
            unit.also.append(feature)
        elif feature in by_id:
            _take(unit, by_id[feature])
        else:
            unit.geonames, unit.lat, unit.long = feature, rows[feature]["lat"], rows[feature]["lng"]
        unit.name_en = _english(unit)
        unit.sources.append("ror")


def add_wikidata(units: list[Unit], data: Path) -> None:
    """Add Natural Earth's Wikidata items where name and position agree for one place only."""
    places = read_csv(data / "natural_earth_cn" / "natural_earth_cn_places.csv")
    matches: dict[str, list[tuple[Unit, Row]]] = defaultdict(list)
    for unit in units:
        if not unit.lat or unit.is_prefecture:
            continue
        names = {unit.name_zh, unit.stem}
        if unit.level == "City":
            names |= {unit.name_en, *ALIASES.get(unit.code, "").split("|")}
        for place in places:
            theirs = {place["name_zh"], place["name_en"].removesuffix(" City")} - {""}
            item = place["wikidata"]
            if item and item not in FORMER and names & theirs and _km(unit, place) < _SAME_PLACE:
                matches[item].append((unit, place))
    for item, found in matches.items():
        cities = [pair for pair in found if pair[0].level == "City"] or found
        if len(cities) == 1:
            unit, place = cities[0]
            unit.wikidata = item
            unit.spellings.append(place["name_zh"])
            unit.sources.append("natural_earth")


def check_pilot_zones(units: list[Unit], data: Path) -> None:
    """Compare with the identifiers of the pilot zones, which were checked one by one.

    Raises ValueError where they differ.
    """
    by_geonames = {unit.geonames: unit for unit in units}
    for zone in read_csv(data / "curated" / "national_ai_pilot_zones.csv"):
        unit = by_geonames.get(zone["geonames"])
        if unit is None or unit.stem != _KIND.sub("", zone["place_zh"]):
            raise ValueError(
                f"pilot zone {zone['place']}: no unit with GeoNames id {zone['geonames']}"
            )
        if zone["wikidata"] and unit.wikidata not in ("", zone["wikidata"]):
            raise ValueError(
                f"pilot zone {zone['place']}: {unit.wikidata} is not {zone['wikidata']}"
            )
        unit.wikidata = unit.wikidata or zone["wikidata"]
        unit.sources.append("curated")


def _km(unit: Unit, place: Row) -> float:
    """The distance between two points, on a sphere."""
    lat = place.get("latitude") or place["lat"]
    long = place.get("longitude") or place["lon"]
    north, south = math.radians(float(unit.lat)), math.radians(float(lat))
    east = math.radians(float(long) - float(unit.long))
    cosine = math.sin(north) * math.sin(south) + math.cos(north) * math.cos(south) * math.cos(east)
    return 6371 * math.acos(min(1.0, cosine))


def slugs(units: list[Unit]) -> dict[str, str]:
    """A slug for each unit's code; cities that share a name, or bear a province's, say where."""
    bare = {}
    for unit in units:
        plain = unicodedata.normalize("NFKD", unit.name_en).encode("ascii", "ignore").decode()
        plain = plain.replace("'", "").lower()
        whole = unit.code in ("81", "82") or plain.endswith(" city")
        bare[unit.code] = plain.replace(" ", "-") if whole else plain.split()[0]
    shared = Counter(bare[unit.code] for unit in units if unit.level == "City")
    provinces = {slug for code, slug in PROVINCES.items() if code not in MUNICIPALITIES}
    result = {}
    for unit in units:
        slug = bare[unit.code]
        if unit.level == "County":
            slug = f"gb-{unit.code}"
        elif shared[slug] > 1 or slug in provinces:
            slug = f"{slug}-{PROVINCES[unit.code[:2]]}"
        result[unit.code] = slug
    return result


def aliases(unit: Unit) -> list[str]:
    """Up to eight other names: short Chinese name, other sources' spellings, known variants."""
    names = ALIASES.get(unit.code, "").split("|")
    if unit.stem != unit.name_zh:
        names.append(unit.stem)
    if unit.is_prefecture and unit.name_zh.endswith("州"):
        names += [unit.stem + "州", unit.name_en.split()[0]]
    elif unit.is_prefecture:
        names.append(unit.name_en.split()[0])
    # A county's place in GeoNames is often the town of its seat: not a name of the county.
    if unit.level == "City" and unit.code not in SEATS:
        names += [spelling.replace("’", "'") for spelling in unit.spellings]
    kept = dict.fromkeys(name for name in names if name not in ("", unit.name_en, unit.name_zh))
    return list(kept)[:8]


def write(units: list[Unit], path: Path) -> None:
    """Write the table, ordered by GB/T 2260 code."""
    slug = slugs(units)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for unit in sorted(units, key=lambda unit: unit.code.ljust(6, "0")):
            if unit.level == "County" and unit.code[:4] in slug:
                parent = slug[unit.code[:4]]
            elif unit.code in MUNICIPALITIES:
                parent = "cn"
            else:
                parent = PROVINCES.get(unit.code[:2], "cn")
            writer.writerow([
                slug[unit.code], unit.level, unit.name_en, unit.name_zh, unit.code.ljust(6, "0"),
                unit.geonames, unit.wikidata, parent, unit.lat, unit.long, unit.population,
                "|".join(aliases(unit)), "|".join(dict.fromkeys(unit.sources)),
                NOTES.get(unit.code, ""), {"81": "HK", "82": "MO"}.get(unit.code, ""),
                "|".join(unit.also), INSIDE.get(unit.code, ""),
            ])  # fmt: skip


def report(units: list[Unit], data: Path) -> None:
    """Print the counts and what stayed open."""
    for level in ("City", "County"):
        of_level = [unit for unit in units if unit.level == level]
        print(
            f"{level}: {len(of_level)}, GeoNames {sum(bool(u.geonames) for u in of_level)}, "
            f"Wikidata {sum(bool(u.wikidata) for u in of_level)}"
        )
    bare = [unit.name_zh for unit in units if not unit.geonames]
    print(f"without a GeoNames place: {' '.join(bare)}")
    print(f"without an English name: {[unit.name_zh for unit in units if not unit.name_en]}")
    known = {feature for unit in units for feature in (unit.geonames, *unit.also)}
    rows = read_csv(data / "ror_cn" / "ror_cn_organizations.csv")
    missing = Counter(
        (r["geonames"], r["city"], r["sub"]) for r in rows if r["geonames"] not in known
    )
    print(f"ROR rows whose GeoNames id is not in the table: {missing.total()} of {len(rows)}")
    for (feature, city, province), count in sorted(missing.items()):
        print(f"  {feature} {city}, {province or '-'}: {count}")


if __name__ == "__main__":
    main()
