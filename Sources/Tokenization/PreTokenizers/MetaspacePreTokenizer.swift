import Diagnostics
import JSONText

/// SentencePiece's way: a visible character for the space, also in front: `Metaspace`.
struct MetaspacePreTokenizer: PreTokenizer {
  let settings: MetaspaceSettings
  /// Whether each replaced space begins a piece.
  let splits: Bool

  init(reading reader: JSONReader) throws(InputError) {
    settings = try MetaspaceSettings(reading: reader)
    splits = try reader.optional("split")?.bool() ?? true
  }

  func cut(_ list: inout PieceList) throws(InputError) {
    let mark = settings.replacement
    let before = list
    list.rewrite { piece, text, output in
      let startsWithMark =
        text[0] == 0x20
        || text.count >= mark.count && mark.indices.allSatisfy { text[$0] == mark[$0] }
      switch settings.scheme {
      case .always where !startsWithMark: output.append(contentsOf: mark)
      case .first where !startsWithMark && before.beginsInput(piece):
        output.append(contentsOf: mark)
      default: break
      }
      for index in 0..<text.count {
        if text[index] == 0x20 {
          output.append(contentsOf: mark)
        } else {
          output.append(text[index])
        }
      }
    }
    if splits { try list.cut(at: .literal(mark), .mergedWithNext) }
  }
}

/// What the pre-tokenizer and the decoder `Metaspace` share.
struct MetaspaceSettings: Sendable {
  /// When a replaced space is put in front.
  enum Scheme: String {
    case always
    /// At the very start of the input only.
    case first
    case never
  }

  /// The character for the space, in UTF-8.
  let replacement: [UInt8]
  let scheme: Scheme

  init(reading reader: JSONReader) throws(InputError) {
    let setting = try reader.optional("replacement")
    let text = try setting?.string() ?? "\u{2581}"
    guard text.unicodeScalars.count == 1 else {
      throw setting?.mismatch("one character") ?? reader.mismatch("a replacement")
    }
    replacement = Array(text.utf8)
    if let setting = try reader.optional("prepend_scheme") {
      guard let scheme = Scheme(rawValue: try setting.string()) else {
        throw setting.mismatch("always, first or never")
      }
      self.scheme = scheme
    } else {
      // The spelling of older files.
      scheme = try reader.optional("add_prefix_space")?.bool() ?? true ? .always : .never
    }
  }
}
