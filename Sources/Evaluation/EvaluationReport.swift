public import JSONText

/// How well a model predicts a text.
public struct EvaluationReport: Sendable, Equatable {
  /// exp of the mean negative log-likelihood, in nats, of all predicted tokens.
  public var perplexity: Double
  /// Number of predicted tokens.
  public var tokens: Int
  /// Tokens of a window.
  public var sequenceLength: Int
  /// Seconds that the evaluation took.
  public var seconds: Double
  /// What comparing with a reference model gave, if there was one.
  public var comparison: Comparison?

  /// How a model's predictions differ from a reference model's.
  public struct Comparison: Sendable, Equatable {
    /// Perplexity of the reference on the same tokens.
    public var referencePerplexity: Double
    /// Mean over all positions of the Kullback-Leibler divergence, in nats, of the model's distribution
    /// over the next token from the reference's.
    public var klDivergenceMean: Double
    /// The divergence that 99 % of the positions do not exceed.
    public var klDivergenceP99: Double
    /// Share of positions at which both find the same token most likely.
    public var sameTopToken: Double
    /// The divergence by the place of the token in its window, from the token after the first on.
    public var klDivergenceByPosition: PositionMeans
    /// How plain rounding of the reference in the model's schemes does; nil if that was not measured.
    public var rounded: Rounded?

    /// What plain rounding gives on the same tokens.
    public struct Rounded: Sendable, Equatable {
      /// Its perplexity.
      public var perplexity: Double
      /// The mean divergence of its predictions from the reference's.
      public var klDivergenceMean: Double
      /// The divergence by the place of the token in its window.
      public var klDivergenceByPosition: PositionMeans

      package init(
        perplexity: Double, klDivergenceMean: Double, klDivergenceByPosition: PositionMeans
      ) {
        (self.perplexity, self.klDivergenceMean) = (perplexity, klDivergenceMean)
        self.klDivergenceByPosition = klDivergenceByPosition
      }
    }

    package init(
      referencePerplexity: Double, klDivergenceMean: Double, klDivergenceP99: Double,
      sameTopToken: Double, klDivergenceByPosition: PositionMeans, rounded: Rounded? = nil
    ) {
      self.referencePerplexity = referencePerplexity
      self.klDivergenceMean = klDivergenceMean
      self.klDivergenceP99 = klDivergenceP99
      self.sameTopToken = sameTopToken
      self.klDivergenceByPosition = klDivergenceByPosition
      self.rounded = rounded
    }
  }

  package init(perplexity: Double, tokens: Int, sequenceLength: Int, seconds: Double) {
    (self.perplexity, self.tokens) = (perplexity, tokens)
    (self.sequenceLength, self.seconds) = (sequenceLength, seconds)
  }

  /// The report as the JSON object that `autoround evaluate --json` prints.
  public var json: JSONValue {
    var json: JSONValue = [
      "perplexity": JSONValue(perplexity), "tokens": JSONValue(tokens),
      "sequence_length": JSONValue(sequenceLength), "seconds": JSONValue(seconds),
    ]
    if let comparison {
      json.set("reference_perplexity", JSONValue(comparison.referencePerplexity))
      json.set("kl_divergence_mean", JSONValue(comparison.klDivergenceMean))
      json.set("kl_divergence_p99", JSONValue(comparison.klDivergenceP99))
      json.set("same_top_token", JSONValue(comparison.sameTopToken))
      json.set("kl_divergence_by_position", comparison.klDivergenceByPosition.json)
      if let rounded = comparison.rounded {
        json.set("rounded_perplexity", JSONValue(rounded.perplexity))
        json.set("rounded_kl_divergence_mean", JSONValue(rounded.klDivergenceMean))
        json.set(
          "rounded_kl_divergence_by_position", rounded.klDivergenceByPosition.json)
      }
    }
    return json
  }
}
