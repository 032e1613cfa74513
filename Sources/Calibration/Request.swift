import Diagnostics

extension CalibrationData {
  /// How many samples of what length.
  struct Request {
    var sampleCount: Int
    var sequenceLength: Int
    /// Samples after those, as far as there are more.
    var heldOutCount = 0
    var settings = CalibrationSettings()
  }

  /// The ids that a model has, and the way from text to them.
  struct Vocabulary {
    let coding: TextCoding
    /// The number of ids that the model has an embedding for.
    let size: Int
    /// The token that ends a text, if the model has an embedding for it.
    let endOfText: Int32?
    /// The token that the tokenizer puts at the beginning of every text.
    let beginningOfText: Int32?

    init(coding: TextCoding, size: Int) {
      self.coding = coding
      self.size = size
      func known(_ id: Int?) -> Int32? {
        id.flatMap { $0 >= 0 && $0 < size ? Int32(exactly: $0) : nil }
      }
      endOfText = known(coding.endOfText)
      let first = known((try? coding.encode(""))?.first)
      beginningOfText = first == endOfText ? nil : first
    }

    func encode(_ text: String) throws -> [Int32] {
      try coding.encode(text).map(checked)
    }

    func checked(_ id: Int) throws -> Int32 {
      guard id >= 0, id < size, let id = Int32(exactly: id) else {
        throw InputError(
          .invalidValue, "token id \(id) is not in the model's vocabulary of \(size) ids")
      }
      return id
    }
  }

  /// The samples found in a source, and what was met on the way.
  struct Found {
    var samples: [Sample] = []
    /// Samples after those.
    var heldOut: [[Int32]] = []
    /// Records that were shorter than a sample.
    var shortCount = 0
    /// Samples of which no token would have counted.
    var silentCount = 0
    /// Whether texts follow on one another without a token between them.
    var lacksEndOfText = false
    /// Records by their kind.
    var conversationCount = 0
    var textCount = 0
    /// Conversations with the token that ends a text, and ids without that which begins one.
    var endedCount = 0
    var idsCount = 0
    var begunCount = 0

    /// Takes account of a record.
    mutating func note(_ record: EncodedRecord, _ vocabulary: Vocabulary) {
      switch record.kind {
      case .text: textCount += 1
      case .conversation:
        conversationCount += 1
        if vocabulary.endOfText.map(record.sample.ids.contains) ?? true { endedCount += 1 }
      case .tokenIDs:
        idsCount += 1
        if vocabulary.beginningOfText.map({ record.sample.ids.first == $0 }) ?? true {
          begunCount += 1
        }
      }
    }

    /// - Parameter source: What the samples are from.
    func warnings(for request: Request, _ vocabulary: Vocabulary, source: String) -> [String] {
      var warnings: [String] = []
      func token(_ id: Int32?) -> String {
        id.flatMap { try? vocabulary.coding.decode([Int($0)]) }.map(quoted) ?? "none"
      }
      if samples.count < request.sampleCount {
        var reasons: [String] = []
        if request.settings.shortSamples == .drop, shortCount > 0 {
          reasons.append(
            shortCount == 1 ? "1 record is shorter" : "\(shortCount) records are shorter")
        }
        if silentCount > 0 { reasons.append("\(counted(silentCount, "record")) without an answer") }
        let left = reasons.isEmpty ? "" : " (\(reasons.joined(separator: ", ")))"
        warnings.append(
          "\(source) gives \(counted(samples.count, "sample")) of \(counted(request.sequenceLength, "token")); "
            + "\(request.sampleCount) were asked for\(left)")
      }
      if lacksEndOfText {
        warnings.append(
          "\(source): short texts follow on one another without a token between them, because the tokenizer names "
            + "none that ends a text (eos_token in tokenizer_config.json)")
      }
      if conversationCount > 0, endedCount == 0 {
        warnings.append(
          "\(source): no conversation has the token that ends a text, \(token(vocabulary.endOfText)), which the model "
            + "has learned to end with; is this its chat template?")
      }
      if idsCount > 0, begunCount == 0 {
        warnings.append(
          "\(source): no record of ids begins with \(token(vocabulary.beginningOfText)), the token that the tokenizer "
            + "begins every text with; many models answer badly without it")
      }
      return warnings
    }
  }
}
