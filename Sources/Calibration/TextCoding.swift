/// The two directions between text and token ids that calibration needs of a tokenizer.
package struct TextCoding {
  /// Ids of a text, with the special tokens that belong around it.
  package var encode: (String) throws -> [Int]
  /// Text of ids, special tokens included.
  package var decode: ([Int]) throws -> String

  package init(
    encode: @escaping (String) throws -> [Int], decode: @escaping ([Int]) throws -> String
  ) {
    self.encode = encode
    self.decode = decode
  }
}
