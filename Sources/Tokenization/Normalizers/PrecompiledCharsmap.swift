import Diagnostics
import Foundation
import JSONText

/// SentencePiece's table of replacements: `Precompiled`.
///
/// The table is base64 of
///
/// | bytes | content |
/// |---|---|
/// | 4 | n, the size of the trie in bytes (all integers little-endian) |
/// | n | units of four bytes: a double-array trie from byte strings to offsets |
/// | the rest | replacements in UTF-8, each ended by a zero byte |
///
/// It is asked for the *shortest* key that a cluster of characters begins with, and what follows
/// the key in the cluster is lost. SentencePiece itself does not work like this, but the models
/// that use the table are run with tokenizers that do.
struct PrecompiledCharsmap: Normalizer {
  private let units: [UInt32]
  private let replacements: [UInt8]

  init(reading reader: JSONReader) throws(InputError) {
    let setting = try reader.required("precompiled_charsmap")
    guard let data = Data(base64Encoded: try setting.string()) else {
      throw InputError(.malformed, place: setting.path, "the table is not base64")
    }
    let bytes = Array(data)
    func integer(_ offset: Int) -> UInt32 {
      (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << (8 * UInt32($1)) }
    }
    guard bytes.count >= 4, case let size = Int(integer(0)), size % 4 == 0,
      size >= 4, size <= bytes.count - 4
    else {
      throw InputError(
        .malformed, place: setting.path,
        "the table of \(bytes.count) bytes does not hold the trie that it announces")
    }
    units = (0..<(size / 4)).map { integer(4 + 4 * $0) }
    replacements = Array(bytes[(4 + size)...])
  }

  func normalize(_ text: inout NormalizedText) {
    let input = text.bytes
    var output: [UInt8] = []
    output.reserveCapacity(input.count)
    var position = 0
    while position < input.count {
      var end = position + 1
      // A cluster never goes on between two ASCII characters, except in CR LF.
      while end < input.count,
        input[end - 1] >= 0x80 || input[end] >= 0x80 || (input[end - 1], input[end]) == (0x0D, 0x0A)
      { end += 1 }
      if end == position + 1 {
        replace(cluster: input[position..<end], &output)
      } else {
        for cluster in String(decoding: input[position..<end], as: UTF8.self) {
          replace(cluster: Array(cluster.utf8)[...], &output)
        }
      }
      position = end
    }
    text.bytes = output
  }

  private func replace(cluster: ArraySlice<UInt8>, _ output: inout [UInt8]) {
    if cluster.count < 6, append(replacing: cluster, to: &output) { return }
    var position = 0
    let span = cluster.span
    while position < span.count {
      let next = span.scalar(at: position).next
      let scalar = cluster[(cluster.startIndex + position)..<(cluster.startIndex + next)]
      if !append(replacing: scalar, to: &output) { output.append(contentsOf: scalar) }
      position = next
    }
  }

  /// Appends the replacement for the shortest key that `text` begins with; false if there is none.
  private func append(replacing text: ArraySlice<UInt8>, to output: inout [UInt8]) -> Bool {
    var node = Self.offset(units[0])
    for byte in text {
      if byte == 0 { return false }
      node ^= Int(byte)
      guard node < units.count else { return false }
      let unit = units[node]
      guard unit & 0x8000_00FF == UInt32(byte) else { return false }
      node ^= Self.offset(unit)
      if unit >> 8 & 1 == 1 {
        guard node < units.count else { return false }
        let start = Int(units[node] & 0x7FFF_FFFF)
        guard start < replacements.count else { return false }
        let replacement = replacements[start...].prefix { $0 != 0 }
        // Repaired if the file has it wrong.
        output.append(contentsOf: String(decoding: replacement, as: UTF8.self).utf8)
        return true
      }
    }
    return false
  }

  private static func offset(_ unit: UInt32) -> Int {
    Int((unit >> 10) << ((unit & 0x200) >> 6))
  }
}
