/// The classes of scalars that cutting rules speak of, after Unicode's general categories.
struct ScalarClass: OptionSet, Sendable {
  let rawValue: UInt16

  /// Lu and Lt.
  static let upper = ScalarClass(rawValue: 1 << 0)
  /// Ll.
  static let lower = ScalarClass(rawValue: 1 << 1)
  /// Lm and Lo.
  static let caseless = ScalarClass(rawValue: 1 << 2)
  /// M: accents and other marks.
  static let mark = ScalarClass(rawValue: 1 << 3)
  /// N: digits of every script, Roman numerals, fractions.
  static let number = ScalarClass(rawValue: 1 << 4)
  /// P.
  static let punctuation = ScalarClass(rawValue: 1 << 5)
  /// S.
  static let symbol = ScalarClass(rawValue: 1 << 6)
  /// White_Space, which is a property and no category; it has tabs and newlines in it.
  static let blank = ScalarClass(rawValue: 1 << 7)
  /// Carriage return and line feed.
  static let newline = ScalarClass(rawValue: 1 << 8)
  /// The 32 characters of ASCII that are punctuation or symbols.
  static let asciiPunctuation = ScalarClass(rawValue: 1 << 9)
  /// A-Z and a-z.
  static let asciiLetter = ScalarClass(rawValue: 1 << 10)
  /// 0-9.
  static let asciiDigit = ScalarClass(rawValue: 1 << 11)
  /// What `\w` stands for: Alphabetic, M, Nd and Pc.
  static let word = ScalarClass(rawValue: 1 << 12)

  /// L.
  static let letter: ScalarClass = [.upper, .lower, .caseless]

  /// The classes of a scalar value.
  static func of(_ value: UInt32) -> ScalarClass {
    value < 0x10000 ? basicPlane[Int(value)] : Unicode.Scalar(value).map(computed) ?? []
  }

  /// Looking up properties is too slow for every scalar of a text; texts hardly ever leave the
  /// Basic Multilingual Plane.
  private static let basicPlane: [ScalarClass] = (0..<0x10000 as Range<UInt32>).map {
    Unicode.Scalar($0).map(computed) ?? []
  }

  private static func computed(_ scalar: Unicode.Scalar) -> ScalarClass {
    var classes: ScalarClass = []
    let properties = scalar.properties
    switch properties.generalCategory {
    case .uppercaseLetter, .titlecaseLetter: classes = .upper
    case .lowercaseLetter: classes = .lower
    case .modifierLetter, .otherLetter: classes = .caseless
    case .nonspacingMark, .spacingMark, .enclosingMark: classes = [.mark, .word]
    case .decimalNumber: classes = [.number, .word]
    case .letterNumber, .otherNumber: classes = .number
    case .connectorPunctuation: classes = [.punctuation, .word]
    case .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      classes = .punctuation
    case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: classes = .symbol
    default: break
    }
    if properties.isAlphabetic { classes.insert(.word) }
    if properties.isWhitespace { classes.insert(.blank) }
    if scalar == "\r" || scalar == "\n" { classes.insert(.newline) }
    if scalar.isASCII {
      if !classes.isDisjoint(with: [.punctuation, .symbol]) { classes.insert(.asciiPunctuation) }
      if !classes.isDisjoint(with: .letter) { classes.insert(.asciiLetter) }
      if classes.contains(.number) { classes.insert(.asciiDigit) }
    }
    return classes
  }
}
