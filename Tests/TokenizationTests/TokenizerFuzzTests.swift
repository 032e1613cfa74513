import Diagnostics
import Foundation
import JSONText
import TestSupport
import Testing
import Tokenization

/// Files with random damage are refused, or give a tokenizer that works on any text.
@Suite struct TokenizerFuzzTests {
  static let texts = [
    "", "ababx c??<s> \u{e9}e\u{301}\u{4e2d}\u{1F600}\r\n  \u{2581}", " \t'S don't 1234 parseXML",
  ]

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func survivesChangedBytes(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let original = Array(TinyTokenizer.file.text().utf8)
    var accepted = 0
    for _ in 0..<1500 {
      var bytes = original
      for _ in 0...random.below(3) {
        let index = random.below(bytes.count)
        switch random.below(4) {
        case 0: bytes[index] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes[index] = original[random.below(original.count)]
        case 2: bytes.remove(at: index)
        default: bytes.insert(original[random.below(original.count)], at: index)
        }
      }
      if use(bytes) { accepted += 1 }
    }
    #expect(accepted > 50)
  }

  /// Parts of real files put in each other's place: valid JSON with the wrong kind of value
  /// anywhere.
  @Test(arguments: [5, 6, 7, 8] as [UInt64])
  func survivesExchangedValues(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let strays: [JSONValue] = [nil, true, 0, -1, 1e300, "", "a", [], .object([])]
    let components = try ["normalizer", "pre_tokenizer", "decoder"].map { key in
      let rows = try Oracles.list("components/\(key.replacing("_", with: ""))s.json")
      return (key: key, values: rows.compactMap { $0.value[key] })
    }
    let others = strays + components.flatMap(\.values)
    var accepted = 0
    for _ in 0..<1000 {
      var file = TinyTokenizer.file
      for (key, values) in components {
        let pool = random.below(8) == 0 ? others : values
        file.set(key, pool[random.below(pool.count)])
      }
      for _ in 0..<random.below(4) { exchange(in: &file, others, &random) }
      if use(Array(file.text().utf8)) { accepted += 1 }
    }
    #expect(accepted > 100)
  }

  /// A table with random damage, in a tokenizer that is otherwise sound.
  @Test(arguments: [9, 10] as [UInt64])
  func survivesDamagedCharsmaps(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    let rows = try Oracles.list("components/normalizers.json")
    let maps = rows.compactMap { $0.value["normalizer"]?["precompiled_charsmap"]?.stringValue }
    let map = try #require(maps.first)
    let original = try #require(Data(base64Encoded: map))
    var file = TinyTokenizer.file
    for _ in 0..<300 {
      var data = original
      for _ in 0...random.below(40) {
        data[random.below(data.count)] = UInt8(truncatingIfNeeded: random.next())
      }
      if random.below(4) == 0 { data = data.prefix(random.below(data.count)) }
      file.set(
        "normalizer",
        ["type": "Precompiled", "precompiled_charsmap": .string(data.base64EncodedString())])
      _ = use(Array(file.text().utf8))
    }
  }

  /// Whether the file is accepted. Encodes and decodes with it then.
  private func use(_ file: [UInt8]) -> Bool {
    let tokenizer: Tokenizer
    do {
      tokenizer = try Tokenizer(file)
    } catch {
      return false
    }
    for text in Self.texts {
      let ids = (try? tokenizer.encode(text, addingSpecialTokens: true)) ?? []
      _ = tokenizer.decode(ids, skippingSpecialTokens: false)
    }
    _ = tokenizer.decode([-1, 0, 5, .max], skippingSpecialTokens: true)
    return true
  }

  /// Walks down to a random value and puts another in its place.
  private func exchange(
    in value: inout JSONValue, _ others: [JSONValue], _ random: inout SeededGenerator
  ) {
    let stops = random.below(8) == 0
    switch value {
    case .object(var members) where !members.isEmpty && !stops:
      let index = random.below(members.count)
      exchange(in: &members[index].value, others, &random)
      value = .object(members)
    case .array(var elements) where !elements.isEmpty && !stops:
      let index = random.below(elements.count)
      exchange(in: &elements[index], others, &random)
      value = .array(elements)
    default:
      value = others[random.below(others.count)]
    }
  }
}
