import Foundation
import GGUF
import JSONText
import TestSupport
import Testing

/// The only file of llama.cpp in a folder.
func ggufFile(in folder: URL) throws -> GGUFFile {
  let files = try names(in: folder).filter { $0.hasSuffix(".gguf") }
  #expect(files.count == 1)
  return try GGUFFile(opening: folder.appending(path: try #require(files.first)))
}

/// How far numbers are from others, as a share of these.
func relativeError(of found: [Float], from expected: [Float]) -> Double {
  let error = zip(expected, found).reduce(0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
  let size = expected.reduce(0) { $0 + Double($1 * $1) }
  return (error / size).squareRoot()
}

/// Leaves so many tokens of a tokenizer, for which the table of tokens has rows: bytes.
func trimTokenizer(in source: URL, to count: Int = 256) throws {
  let file = source.appending(path: "tokenizer.json")
  var tokenizer = try JSONValue.parse(String(contentsOf: file, encoding: .utf8))
  var model = try #require(tokenizer["model"])
  let tokens = try JSONReader(model).required("vocab").members().filter {
    ($0.reader.value.intValue ?? count) < count
  }
  #expect(tokens.count == count)
  model.set("vocab", .object(tokens.map { JSONValue.Member($0.key, $0.reader.value) }))
  model.set("merges", .array([]))
  tokenizer.set("model", model)
  tokenizer.set("added_tokens", .array([]))
  try tokenizer.text().write(to: file, atomically: true, encoding: .utf8)
}
