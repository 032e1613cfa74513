/// The symbols that merging starts from: one per character of a piece, or per byte of one that is
/// not in the vocabulary.
struct SymbolTable: Sendable {
  /// What one symbol stands for at first.
  enum Unit: Sendable {
    case byte
    case scalar
  }

  let unit: Unit
  /// The id for each byte or scalar. Unused with a prefix or suffix.
  private let plain: [UInt32: Int32]
  private let vocabulary: Vocabulary
  /// What marks characters that do not begin a piece, such as `##`.
  private let prefix: [UInt8]
  /// What marks characters that end a piece, such as `</w>`.
  private let suffix: [UInt8]
  private let unknown: Int32?
  private let fusesUnknown: Bool
  /// The id of the token for each byte, `<0x00>` to `<0xFF>`, if characters may fall back on them.
  private let byteTokens: [Int32?]?

  init(
    unit: Unit, vocabulary: Vocabulary, prefix: [UInt8], suffix: [UInt8], unknown: Int?,
    fusesUnknown: Bool, fallsBackOnBytes: Bool
  ) {
    self.unit = unit
    self.vocabulary = vocabulary
    self.prefix = prefix
    self.suffix = suffix
    self.unknown = unknown.map(Int32.init)
    self.fusesUnknown = fusesUnknown
    byteTokens = fallsBackOnBytes ? vocabulary.byteTokens : nil
    var plain: [UInt32: Int32] = [:]
    switch unit {
    case .byte:
      for (byte, scalar) in ByteAlphabet.scalars.enumerated() {
        plain[UInt32(byte)] = vocabulary.id(of: scalar.utf8).map(Int32.init)
      }
    case .scalar:
      for (token, id) in vocabulary.ids where !token.isEmpty && token.count <= 4 {
        let (value, next) = token.span.scalar(at: 0)
        if next == token.count { plain[value] = Int32(id) }
      }
    }
    self.plain = plain
  }

  /// Whether a character always gives its own id, wherever it stands.
  func hasOwnSymbol(_ scalar: UInt32) -> Bool { plain[scalar] != nil }

  /// Whether characters look different at the start or end of a piece.
  var dependsOnPosition: Bool { !prefix.isEmpty || !suffix.isEmpty }

  /// Appends the symbols of a piece.
  func append(_ piece: Span<UInt8>, to symbols: inout [Int32]) {
    // An unknown character is held back, since the next may be one with it. Byte tokens overtake
    // it, which is odd, but the tokenizers that models are trained with do this.
    var isHolding = false
    func release() {
      if isHolding, let unknown { symbols.append(unknown) }
      isHolding = false
    }
    var position = 0
    while position < piece.count {
      let start = position
      let id: Int32?
      switch unit {
      case .byte:
        id = plain[UInt32(piece[start])]
        position += 1
      case .scalar:
        let (value, next) = piece.scalar(at: start)
        position = next
        id =
          dependsOnPosition
          ? affixed(piece.extracting(start..<next), start == 0, next == piece.count)
          : plain[value]
      }
      if let id {
        release()
        symbols.append(id)
      } else if let byteTokens, hasAll(byteTokens, piece.extracting(start..<position)) {
        for index in start..<position {
          if let token = byteTokens[Int(piece[index])] { symbols.append(token) }
        }
      } else if unknown != nil {
        if isHolding, !fusesUnknown { release() }
        isHolding = true
      }
    }
    release()
  }

  private func affixed(_ scalar: Span<UInt8>, _ isFirst: Bool, _ isLast: Bool) -> Int32? {
    let token = (isFirst ? [] : prefix) + Array(scalar) + (isLast ? suffix : [])
    return vocabulary.id(of: token).map { Int32($0) }
  }

  private func hasAll(_ byteTokens: [Int32?], _ bytes: Span<UInt8>) -> Bool {
    for index in 0..<bytes.count where byteTokens[Int(bytes[index])] == nil { return false }
    return true
  }
}

extension Vocabulary {
  /// The ids of `<0x00>` to `<0xFF>`, as far as they are there.
  var byteTokens: [Int32?] {
    (0...255 as ClosedRange<UInt8>).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return id(of: "<0x\(digits.count < 2 ? "0" : "")\(digits)>".utf8).map { Int32($0) }
    }
  }
}
