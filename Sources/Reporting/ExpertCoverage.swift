import Diagnostics
public import JSONText

/// How many calibration tokens the experts of a block were chosen by, in full precision.
public struct ExpertCoverage: Sendable, Equatable {
  /// An expert with its tokens.
  public struct Expert: Sendable, Equatable {
    /// Its module inside the block, such as `mlp.experts.3`.
    public var name: String
    /// Tokens of calibration that have chosen it.
    public var tokenCount: Int

    package init(name: String, tokenCount: Int) {
      (self.name, self.tokenCount) = (name, tokenCount)
    }
  }

  /// Experts of the block.
  public var expertCount: Int
  /// Tokens of the expert that has the fewest.
  public var leastTokenCount: Int
  /// Tokens of the expert in the middle, the upper of two.
  public var medianTokenCount: Int
  /// Tokens that a tenth of the experts do not exceed.
  public var lowerDecileTokenCount: Int
  /// Tokens that nine tenths of the experts do not exceed.
  public var upperDecileTokenCount: Int
  /// Tokens of the expert that has the most.
  public var mostTokenCount: Int
  /// The experts that too few tokens reach: their layers were rounded with searched scales, and not tuned.
  public var rounded: [Expert]

  /// The report as a JSON object.
  public var json: JSONValue {
    [
      "count": JSONValue(expertCount), "least_tokens": JSONValue(leastTokenCount),
      "median_tokens": JSONValue(medianTokenCount),
      "lower_decile_tokens": JSONValue(lowerDecileTokenCount),
      "upper_decile_tokens": JSONValue(upperDecileTokenCount),
      "most_tokens": JSONValue(mostTokenCount),
      "rounded": .array(
        rounded.map { ["name": .string($0.name), "tokens": JSONValue($0.tokenCount)] }),
    ]
  }
}

extension ExpertCoverage {
  /// - Parameter tokens: Those of each expert; nil is the result of none.
  package init?(tokens: [Int], rounded: [Expert]) {
    let sorted = tokens.sorted()
    guard let least = sorted.first, let most = sorted.last else { return nil }
    (expertCount, leastTokenCount, mostTokenCount) = (sorted.count, least, most)
    medianTokenCount = sorted[sorted.count / 2]
    lowerDecileTokenCount = sorted[(sorted.count - 1) / 10]
    upperDecileTokenCount = sorted[sorted.count - 1 - (sorted.count - 1) / 10]
    self.rounded = rounded
  }

  /// Reads what ``json`` gives.
  package init(_ reader: JSONReader) throws {
    func count(_ key: String, in reader: JSONReader) throws -> Int {
      try reader.required(key).int(in: 0...Int.max)
    }
    expertCount = try count("count", in: reader)
    leastTokenCount = try count("least_tokens", in: reader)
    medianTokenCount = try count("median_tokens", in: reader)
    lowerDecileTokenCount = try count("lower_decile_tokens", in: reader)
    upperDecileTokenCount = try count("upper_decile_tokens", in: reader)
    mostTokenCount = try count("most_tokens", in: reader)
    rounded = try reader.required("rounded").elements().map {
      Expert(name: try $0.required("name").string(), tokenCount: try count("tokens", in: $0))
    }
  }
}

extension RunReport {
  /// The coverage of all blocks with experts in one line; nil where there are none.
  var expertsLine: String? {
    let blocks = blocks.compactMap { block in block.experts.map { (block.name, $0) } }
    guard let worst = blocks.min(by: { $0.1.leastTokenCount < $1.1.leastTokenCount }),
      let median = blocks.map(\.1.medianTokenCount).min()
    else { return nil }
    let rounded = blocks.reduce(0) { $0 + $1.1.rounded.count }
    return "least \(Quantities.count(worst.1.leastTokenCount)) (in \(worst.0)), median "
      + "\(Quantities.count(median)) or more in each block"
      + (rounded > 0 ? "; \(counted(rounded, "expert")) with too few were rounded, not tuned" : "")
  }
}
